/** `POST /inference/v1/generate`: token ids in, token ids out. */
import { Refusal } from "../../../fixtures/wire/errors.ts";
import { generateBody, type GenerateRequest } from "../../../fixtures/wire/generate-request.ts";
import { DONE_EVENT, encodeEvent } from "../../../fixtures/wire/server-sent-events.ts";
import { chunkUsage, usage, type CacheDetails } from "../../../fixtures/wire/usage.ts";
import { admit } from "../admission.ts";
import { json } from "../answer.ts";
import type { ReplyStream } from "../exchange.ts";
import { answerCall } from "../generation/answer-call.ts";
import type { Listener } from "../generation/generation-hub.ts";
import type { Generation } from "../generation/generation.ts";
import { planGenerations } from "../generation/plan-generations.ts";
import type { PodContext } from "../pod-context.ts";
import { priorityOf } from "../request-headers.ts";
import { randomHex } from "../random-id.ts";
import type { Handler } from "../routes.ts";
import { checkAgainstModel, checkPromptIds, checkSampling } from "../sampling-rules.ts";

export function generateEndpoint(pod: PodContext): Handler {
  return (exchange, responder) => {
    const request = generateBody.read(exchange.body, exchange.headers["content-type"]);
    const adapter = pod.models.resolve(request.model);
    admit(pod, 1);
    const sampling = { ...request.sampling_params, cache_salt: request.cache_salt ?? null };
    const left = pod.settings.maxModelLenTokens - request.token_ids.length;
    if (left < 0) {
      const message = `Input length (${request.token_ids.length}) exceeds model's maximum context length (${pod.settings.maxModelLenTokens}).`;
      throw new Refusal(400, "BadRequestError", message);
    }
    const maxTokens = Math.min(Number(sampling.max_tokens ?? left), left);
    checkSampling(sampling, maxTokens);
    const id = `generate-tokens-${exchange.headers["x-request-id"] ?? request.request_id ?? randomHex(16)}`;
    const name = adapter ?? pod.settings.servedNames[0];
    const created = Math.floor(Date.now() / 1000);
    return answerCall(pod, exchange, responder, {
      streamed: request.stream === true,
      plan: () => {
        checkAgainstModel(sampling, null, null, {
          vocabSize: pod.tokenizer.vocabSize,
          maxLogprobs: pod.settings.maxLogprobs,
        });
        checkPromptIds(request.token_ids, pod.tokenizer.vocabSize - 1);
        return planGenerations(pod, {
          request: sampling,
          prompts: [request.token_ids],
          maxTokens: [maxTokens],
          adapter,
          priority: priorityOf(exchange, { priority: request.priority ?? 0 }),
          skipPrefixLookup: false,
          dictated: undefined,
          keepSpecial: false,
        });
      },
      stream: (stream, generations) => new GenerateStream(pod, request, stream, generations, id),
      body: (generations, last) => json(200, generateAnswer(pod, generations, last, { id, name, created })),
    });
  };
}

function details(pod: PodContext, cachedTokens: number): CacheDetails | undefined {
  return pod.settings.promptTokensDetails ? { cachedTokens } : undefined;
}

function generateAnswer(
  pod: PodContext,
  generations: readonly Generation[],
  last: Generation,
  { id, name, created }: { readonly id: string; readonly name: string; readonly created: number },
): object {
  const completionTokens = generations.reduce((sum, { tokens }) => sum + tokens, 0);
  return {
    request_id: id,
    model: name,
    created,
    usage: usage(last.promptTokens, completionTokens, details(pod, last.cachedTokens)),
    prompt_logprobs: null,
    prompt_token_id_logprobs: null,
    prompt_token_ids: null,
    mm_placeholders: null,
    metrics: null,
    kv_transfer_params: null,
    ec_transfer_params: null,
    output_mode: "tokens",
    choices: generations.map((generation) => ({
      index: generation.plan.choiceIndex,
      finish_reason: generation.finishReason ?? null,
      stop_reason: generation.stopReason,
      token_ids: generation.tokenIds,
      routed_experts: null,
      sampling_mask: null,
      weight_versions: [{ version: "default", start: 0, end: generation.tokens }],
      logprobs: null,
    })),
  };
}

/** No recording shows this stream: its shape is read from vLLM 0.32's source. */
class GenerateStream implements Listener {
  readonly #pod: PodContext;
  readonly #request: GenerateRequest;
  readonly #stream: ReplyStream;
  readonly #id: string;
  #open: number;
  #completionTokens = 0;

  constructor(
    pod: PodContext,
    request: GenerateRequest,
    stream: ReplyStream,
    generations: readonly Generation[],
    id: string,
  ) {
    this.#pod = pod;
    this.#request = request;
    this.#stream = stream;
    this.#open = generations.length;
    this.#id = id;
  }

  onProgress(changed: readonly Generation[]): void {
    for (const generation of changed) {
      const delta = generation.takeDelta();
      if (delta === undefined) continue;
      this.#completionTokens += delta.tokens;
      const choice = {
        index: generation.plan.choiceIndex,
        logprobs: null,
        finish_reason: generation.finishReason ?? null,
        token_ids: generation.lastTokenIds(delta.tokens),
      };
      this.#stream.write(encodeEvent({ request_id: this.#id, choices: [choice] }));
      if (generation.finishReason !== undefined) this.#open--;
      if (this.#open === 0) this.#close(generation);
    }
  }

  #close({ promptTokens, cachedTokens }: Generation): void {
    if (this.#request.stream_options?.include_usage === true) {
      const counts = chunkUsage(promptTokens, this.#completionTokens, details(this.#pod, cachedTokens));
      this.#stream.write(encodeEvent({ request_id: this.#id, choices: [], usage: counts }));
    }
    this.#stream.write(DONE_EVENT);
    this.#stream.end();
  }
}
