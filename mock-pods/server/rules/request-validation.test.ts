/** Held to vLLM 0.32's own request classes: what they say to 5,151 bodies, most of them wrong. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { chatBody } from "../../../fixtures/wire/chat-request.ts";
import { completionBody } from "../../../fixtures/wire/completion-request.ts";
import { Refusal } from "../../../fixtures/wire/errors.ts";
import { detokenizeBody, tokenizeBody } from "../../../fixtures/wire/tokenize-request.ts";
import { SAMPLING } from "../../versions/sampling.ts";
import { checkAgainstModel, checkSampling } from "./sampling-rules.ts";

interface Case {
  readonly path: string;
  readonly body: string;
  readonly status: number;
  readonly answer: string;
}

const RECORDING = "fixtures/recordings/request-validation.jsonl.gz";
/** Of the recording's model and server. */
const LIMITS = { vocabSize: 512, maxLogprobs: 20, rules: SAMPLING["0.32"] };
const LEFT_TOKENS = 2040;

const READERS: Readonly<Record<string, (bytes: Uint8Array) => void>> = {
  "/v1/completions": (bytes) => {
    const request = completionBody.read(bytes, "application/json");
    const asked = Math.min(Number(request.max_tokens ?? 16), LEFT_TOKENS);
    checkSampling(request, request.echo === true && asked === 0 ? 1 : asked, LIMITS.rules);
    const logprobs = request.logprobs ?? null;
    const echoed = request.echo === true ? logprobs : null;
    checkAgainstModel(
      request,
      request.logprob_token_ids?.length ? null : logprobs,
      request.prompt_logprobs ?? echoed,
      LIMITS,
    );
  },
  "/v1/chat/completions": (bytes) => {
    const request = chatBody.read(bytes, "application/json");
    checkSampling(
      request,
      Math.min(Number(request.max_completion_tokens ?? request.max_tokens ?? Infinity), LEFT_TOKENS),
      LIMITS.rules,
    );
    const top = request.top_logprobs ?? 0;
    const asked = request.logprobs === true && !request.logprob_token_ids?.length;
    checkAgainstModel(
      request,
      asked ? top : null,
      request.prompt_logprobs ?? (request.echo === true ? top : null),
      LIMITS,
    );
  },
  "/tokenize": (bytes) => void tokenizeBody.read(bytes, "application/json"),
  "/detokenize": (bytes) => void detokenizeBody.read(bytes, "application/json"),
};

function judge({ path, body }: Case): { status: number; answer: string } {
  try {
    READERS[path]?.(new TextEncoder().encode(body));
    return { status: 200, answer: '{"ok":true}' };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { status: error.status, answer: JSON.stringify(error.body) };
  }
}

it("judges every recorded body as vLLM does, to the last character", () => {
  const cases = gunzipSync(readFileSync(RECORDING))
    .toString()
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Case);
  expect(cases).toHaveLength(5151);
  const differing = cases.filter((recorded) => {
    const { status, answer } = judge(recorded);
    return status !== recorded.status || answer !== recorded.answer;
  });
  expect(differing.map(({ path, body }) => `${path} ${body}`)).toEqual([]);
});
