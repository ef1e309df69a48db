/** What asks a model for the likelihood of its next token: `/generative_scoring`, and `/v1/systemone`, which few models have. */
import { decisionBody } from "../../../fixtures/wire/decision-request.ts";
import { badRequest, Refusal } from "../../../fixtures/wire/errors.ts";
import { scoringBody, type ScoringRequest } from "../../../fixtures/wire/scoring-request.ts";
import { floatText } from "../../../fixtures/wire/validation/python-text.ts";
import { usage } from "../../../fixtures/wire/usage.ts";
import { answerCall } from "../generation/answer-call.ts";
import { logprobOfRank } from "../generation/logprobs.ts";
import { planGenerations } from "../generation/plan-generations.ts";
import { baseRequestId } from "../middleware/request-headers.ts";
import type { PodContext } from "../pod-context.ts";
import type { Handler, Route } from "../routes.ts";
import { admit } from "../rules/admission.ts";
import { checkPromptIds, highestPromptId } from "../rules/prompt-rules.ts";
import { checkAgainstModel, modelLimits } from "../rules/sampling-rules.ts";

export function scoringRoutes(pod: PodContext): Route[] {
  const methods = ["POST"];
  return [
    { methods, path: "/v1/systemone", handle: refuseDecisions, body: decisionBody.schema },
    { methods, path: "/generative_scoring", handle: scoring(pod), body: scoringBody.schema },
  ];
}

const refuseDecisions: Handler = ({ body, headers }) => {
  decisionBody.read(body, headers["content-type"]);
  throw new Refusal(501, "NotImplementedError", "The model does not support the structured decision API");
};

/** One token for each item; what it is does not matter. */
function scoring(pod: PodContext): Handler {
  return (exchange, responder) => {
    const request = scoringBody.read(exchange.body, exchange.headers["content-type"]);
    const adapter = pod.models.resolve(request.model);
    admit(pod, request.items.length);
    checkLabels(pod, request);
    const prompts = promptsOf(pod, request);
    const id = `generative-scoring-${baseRequestId(pod, exchange, request)}`;
    const createdSeconds = Math.floor(Date.now() / 1000);
    const score = scoreOf(request);
    const sampling = { cache_salt: request.cache_salt ?? null, logprob_token_ids: request.label_token_ids };
    return answerCall(pod, exchange, responder, {
      streamed: false,
      plan: () => {
        checkAgainstModel(sampling, request.label_token_ids.length, null, modelLimits(pod));
        for (const prompt of prompts) checkPromptIds(prompt, highestPromptId(pod));
        return planGenerations(pod, {
          request: sampling,
          prompts,
          maxTokens: prompts.map(() => 1),
          adapter,
          externalId: (index) => `${id}-${index}`,
          priority: request.priority ?? 0,
          skipPrefixLookup: false,
          dictated: undefined,
          keepSpecial: false,
        });
      },
      stream: () => {
        throw new Error("scores are never streamed");
      },
      body: (generations) => {
        const counts = usage(sum(prompts.map(({ length }) => length)), generations.length, undefined);
        const model = adapter?.name ?? pod.settings.servedNames[0];
        const head = JSON.stringify({ id, object: "list", created: createdSeconds, model });
        // JSON by hand: floats keep their point.
        const data = prompts.map((_, index) => `{"index":${index},"object":"score","score":${floatText(score)}}`);
        const body = `${head.slice(0, -1)},"data":[${data.join(",")}],"usage":${JSON.stringify(counts)}}`;
        return { status: 200, contentType: "application/json", body };
      },
    });
  };
}

/** @throws {Refusal} */
function checkLabels({ tokenizer }: PodContext, { label_token_ids: labels, items }: ScoringRequest): void {
  const wrong = labels.find((id) => id < 0 || id >= tokenizer.vocabSize);
  if (wrong !== undefined) {
    const range = `[0, ${tokenizer.vocabSize})`;
    throw badRequest(`label_token_id ${wrong} is out of vocabulary range ${range}. Please provide valid token IDs.`);
  }
  if (labels.length === 0) throw badRequest("label_token_ids must contain at least one token ID.");
  if (items.length === 0) throw badRequest("items must contain at least one item.");
}

/** Cut at the end, so that a token has room. */
function promptsOf({ tokenizer, settings }: PodContext, request: ScoringRequest): (readonly number[])[] {
  const ids = (part: string | readonly number[]) => (typeof part === "string" ? tokenizer.encode(part) : part);
  const query = ids(request.query);
  return request.items.map((item) => {
    const parts = request.item_first === true ? [...ids(item), ...query] : [...query, ...ids(item)];
    return parts.slice(0, settings.maxModelLenTokens - 1);
  });
}

/** Of the first label, which a pod finds likelier than the others. */
function scoreOf({ label_token_ids: labels, apply_softmax: normalised = true }: ScoringRequest): number {
  const different = new Set(labels).size;
  const likelihoods = Array.from({ length: different }, (_, rank) => Math.exp(logprobOfRank(rank + 2)));
  const [first = 0] = likelihoods;
  return normalised ? first / sum(likelihoods) : first;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
