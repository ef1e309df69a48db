/** `POST /inference/v1/generate`: token ids in, token ids out. */
import { badRequest } from "../../../fixtures/wire/errors.ts";
import { generateReader, type GenerateRequest } from "../../../fixtures/wire/generate-request.ts";
import type { BodyReader } from "../../../fixtures/wire/validation/request-body.ts";
import { DONE_EVENT, encodeEvent } from "../../../fixtures/wire/server-sent-events.ts";
import { chunkUsage, usage, type CacheDetails } from "../../../fixtures/wire/usage.ts";
import { admit } from "../rules/admission.ts";
import { json } from "../http/answer.ts";
import type { ReplyStream } from "../http/exchange.ts";
import { answerCall } from "../generation/answer-call.ts";
import type { Generation, Listener } from "../generation/generation.ts";
import { tokenLogprobs } from "../generation/logprobs.ts";
import { planGenerations } from "../generation/plan-generations.ts";
import { promptLogprobs } from "../generation/prompt-logprobs.ts";
import { dictatedText } from "../generation/structured/dictated-text.ts";
import type { PodContext } from "../pod-context.ts";
import { priorityOf } from "../middleware/request-headers.ts";
import { randomHex } from "../random-id.ts";
import type { Handler, Route } from "../routes.ts";
import { checkExpertsStart, checkPromptIds } from "../rules/prompt-rules.ts";
import { checkAgainstModel, modelLimits, stopStrings } from "../rules/sampling-rules.ts";
import { checkEncodable } from "../rules/serial-rules.ts";
import { checkSerial, checkTokenSampling } from "../rules/token-sampling-rules.ts";
import { checkConstraints } from "../rules/structure-rules.ts";

interface GenerateCall {
  readonly pod: PodContext;
  readonly request: GenerateRequest;
  readonly id: string;
  readonly name: string;
}

export function generateRoute(pod: PodContext): Route {
  const { version } = pod.settings;
  const reader = generateReader((sampling) => checkTokenSampling(sampling, version.sampling));
  return { methods: ["POST"], path: "/inference/v1/generate", handle: generate(pod, reader), body: reader.schema };
}

function generate(pod: PodContext, reader: BodyReader<GenerateRequest>): Handler {
  return (exchange, responder) => {
    const request = reader.read(exchange.body, exchange.headers["content-type"]);
    const adapter = pod.models.resolve(request.model);
    admit(pod, 1);
    const { maxNumSeqs } = pod.settings;
    const { n = 1 } = request.sampling_params;
    if (Number(n) > maxNumSeqs) {
      throw badRequest(`sampling_params.n must be at most the server's max_num_seqs (${maxNumSeqs}), got ${n}.`);
    }
    checkEncodable(stopStrings(request.sampling_params));
    checkSerial(request.sampling_params, request.kv_transfer_params, request.ec_transfer_params);
    const sampling = { ...request.sampling_params, cache_salt: request.cache_salt ?? null };
    const left = pod.settings.maxModelLenTokens - request.token_ids.length;
    const asked = sampling.max_tokens ?? null;
    const maxTokens = Math.min(Number(asked ?? left), left);
    const call: GenerateCall = {
      pod,
      request,
      id: `generate-tokens-${exchange.headers["x-request-id"] ?? request.request_id ?? randomHex(16)}`,
      name: adapter?.name ?? pod.settings.servedNames[0],
    };
    const created = Math.floor(Date.now() / 1000);
    return answerCall(pod, exchange, responder, {
      streamed: request.stream === true,
      plan: () => {
        checkLate(pod, request, sampling);
        return planGenerations(pod, {
          request: sampling,
          prompts: [request.token_ids],
          maxTokens: [maxTokens],
          adapter,
          externalId: () => call.id,
          priority: priorityOf(exchange, { priority: request.priority ?? 0 }),
          skipPrefixLookup: (sampling.prompt_logprobs ?? null) !== null,
          dictated: dictatedText(sampling),
          keepSpecial: false,
        });
      },
      stream: (stream, generations) => new GenerateStream(call, stream, generations),
      body: (generations, last) => json(200, generateAnswer(call, generations, last, created)),
    });
  };
}

/** What only the engine looks at: a stream has begun by then. */
function checkLate(
  pod: PodContext,
  { token_ids: ids }: GenerateRequest,
  sampling: GenerateRequest["sampling_params"],
): void {
  if ((sampling.trace_decode_token_ids ?? null) !== null) {
    throw badRequest(
      "trace_decode_token_ids is set but trace replay is not enabled. Start the engine with --enable-trace-replay to use it.",
    );
  }
  const { vocabSize } = pod.tokenizer;
  const { maxModelLenTokens: most } = pod.settings;
  const asked = sampling.prompt_logprobs ?? null;
  checkAgainstModel(sampling, sampling.logprobs ?? null, asked, modelLimits(pod));
  checkConstraints(sampling);
  checkPromptIds(ids, vocabSize - 1);
  checkExpertsStart(sampling, ids.length);
  const tooLong = `is longer than the maximum model length of ${most}. Make sure that \`max_model_len\` is no smaller than`;
  if (ids.length > most) {
    throw badRequest(`The decoder prompt (length ${ids.length}) ${tooLong} the number of text tokens.`);
  }
  if (ids.length === most) {
    throw badRequest(
      `The decoder prompt (length ${ids.length}) plus the number of requested output tokens (at least 1) ${tooLong} ` +
        "the number of text tokens (prompt + requested output tokens).",
    );
  }
}

function details(pod: PodContext, cachedTokens: number): CacheDetails | undefined {
  return pod.settings.promptTokensDetails ? { cachedTokens } : undefined;
}

function generateAnswer(
  { pod, request, id, name }: GenerateCall,
  generations: readonly Generation[],
  last: Generation,
  created: number,
): object {
  const completionTokens = generations.reduce((sum, { tokens }) => sum + tokens, 0);
  return {
    request_id: id,
    model: name,
    created,
    usage: usage(last.promptTokens, completionTokens, details(pod, last.cachedTokens)),
    prompt_logprobs: promptLogprobs(pod.tokenizer, request.token_ids, request.sampling_params.prompt_logprobs ?? null),
    prompt_token_id_logprobs: null,
    prompt_token_ids: request.return_token_ids === true ? request.token_ids : null,
    mm_placeholders: null,
    metrics: null,
    kv_transfer_params: null,
    ec_transfer_params: null,
    output_mode: request.output_mode ?? "tokens",
    choices: generations.map((generation) =>
      choiceOf(pod, request, generation, { tokenIds: generation.tokenIds, text: generation.text }),
    ),
  };
}

/** What a choice tells, of all of its answer or of the newest part. */
function choiceOf(
  pod: PodContext,
  request: GenerateRequest,
  generation: Generation,
  { tokenIds, text }: { readonly tokenIds: readonly number[]; readonly text: string },
): object {
  const count = request.sampling_params.logprobs ?? null;
  const ended = generation.finishReason !== undefined;
  return {
    index: generation.plan.choiceIndex,
    finish_reason: generation.finishReason ?? null,
    stop_reason: generation.stopReason,
    token_ids: tokenIds,
    routed_experts: null,
    sampling_mask: null,
    weight_versions: ended ? [{ version: "default", start: 0, end: generation.tokens }] : null,
    ...(request.output_mode === "text" ? { text } : {}),
    logprobs: count === null ? null : { content: tokenLogprobs(pod.tokenizer, tokenIds, count) },
  };
}

class GenerateStream implements Listener {
  readonly #call: GenerateCall;
  readonly #stream: ReplyStream;
  readonly #counted: number[];
  #open: number;
  #begun = false;

  constructor(call: GenerateCall, stream: ReplyStream, generations: readonly Generation[]) {
    this.#call = call;
    this.#stream = stream;
    this.#open = generations.length;
    this.#counted = generations.map(() => 0);
  }

  onProgress(changed: readonly Generation[]): void {
    const { pod, request } = this.#call;
    for (const generation of changed) {
      const delta = generation.takeDelta();
      if (delta === undefined) continue;
      const index = generation.plan.choiceIndex;
      this.#counted[index] = (this.#counted[index] as number) + delta.tokens;
      const tokenIds = generation.lastTokenIds(delta.tokens);
      this.#write(this.#usageSoFar(generation), [choiceOf(pod, request, generation, { tokenIds, text: delta.text })]);
      if (generation.finishReason !== undefined) this.#open--;
      if (this.#open === 0) this.#close(generation);
    }
  }

  #usageSoFar({ promptTokens, plan }: Generation): object | null {
    const { include_usage: wanted, continuous_usage_stats: always } = this.#call.request.stream_options ?? {};
    if (wanted !== true || always !== true) return null;
    return usage(promptTokens, this.#counted[plan.choiceIndex] as number, undefined);
  }

  #write(counts: object | null, choices: readonly object[]): void {
    const { id, request } = this.#call;
    const ids = request.return_token_ids === true && !this.#begun ? { prompt_token_ids: request.token_ids } : {};
    this.#begun = true;
    const told = { request_id: id, usage: counts, ...ids, output_mode: request.output_mode ?? "tokens", choices };
    this.#stream.write(encodeEvent(told));
  }

  #close({ promptTokens, cachedTokens }: Generation): void {
    if (this.#call.request.stream_options?.include_usage === true) {
      const completionTokens = this.#counted.reduce((sum, tokens) => sum + tokens, 0);
      this.#write(chunkUsage(promptTokens, completionTokens, details(this.#call.pod, cachedTokens)), []);
    }
    this.#stream.write(DONE_EVENT);
    this.#stream.end();
  }
}
