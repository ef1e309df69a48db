/** One `/v1/completions` call: what its answer needs to know of it, and that answer whole. */
import type { CompletionRequest } from "../../../fixtures/wire/completion-request.ts";
import { usage, type CacheDetails } from "../../../fixtures/wire/usage.ts";
import { completionLogprobs, type CompletionLogprobs } from "../generation/completion-logprobs.ts";
import type { Generation } from "../generation/generation.ts";
import type { LogprobOptions } from "../generation/logprobs.ts";
import { promptLogprobs } from "../generation/prompt-logprobs.ts";
import type { PodContext } from "../pod-context.ts";
import type { RenderedPrompt } from "../prompts/prompt-rendering.ts";

export interface CompletionCallOptions {
  readonly pod: PodContext;
  readonly request: CompletionRequest;
  readonly id: string;
  readonly created: number;
  readonly modelName: string;
  readonly prompts: readonly RenderedPrompt[];
}

/** What both kinds of answer need to know of the call. */
export class CompletionCall {
  readonly options: CompletionCallOptions;
  readonly echo: boolean;
  /** Echo without generation: the one token that is made is counted, and not shown. */
  readonly echoOnly: boolean;
  /** How many alternatives for each token of the prompt; with echo those of the answer. */
  readonly promptLogprobs: number | null;
  readonly #logprobs: LogprobOptions | undefined;

  constructor(options: CompletionCallOptions) {
    this.options = options;
    const { request, pod } = options;
    this.promptLogprobs = completionPromptLogprobs(request);
    this.echo = request.echo === true;
    this.echoOnly = this.echo && request.max_tokens === 0;
    if (request.logprobs !== undefined && request.logprobs !== null) {
      this.#logprobs = {
        count: request.logprobs,
        ids: request.logprob_token_ids?.length ? request.logprob_token_ids : undefined,
        asIds: request.return_tokens_as_token_ids ?? pod.settings.tokensAsIds,
      };
    }
  }

  promptText(generation: Generation): string {
    if (this.options.request.return_token_ids === true) return "";
    const prompt = this.options.prompts[generation.plan.promptIndex] as RenderedPrompt;
    return prompt.text ?? this.options.pod.tokenizer.decode(prompt.tokenIds);
  }

  promptIds(generation: Generation): readonly number[] {
    return (this.options.prompts[generation.plan.promptIndex] as RenderedPrompt).tokenIds;
  }

  logprobs(ids: readonly number[], offset: number, firstUnknown: boolean): CompletionLogprobs | null {
    if (this.#logprobs === undefined) return null;
    return completionLogprobs(this.options.pod.tokenizer, ids, this.#logprobs, { offset, firstUnknown });
  }

  get promptTokens(): number {
    return this.options.prompts.reduce((sum, prompt) => sum + prompt.tokenIds.length, 0);
  }

  details(cachedTokens: number): CacheDetails | undefined {
    const { pod, request } = this.options;
    const { promptTokensDetails, version } = pod.settings;
    const isTold = cachedTokens > 0 || version.answers.zeroCached === "told";
    return promptTokensDetails && isTold && request.use_beam_search !== true ? { cachedTokens } : undefined;
  }
}

export function completionPromptLogprobs(request: CompletionRequest): number | null {
  return request.prompt_logprobs ?? (request.echo === true ? (request.logprobs ?? null) : null);
}

/** The whole body, once every generation has ended. `lastFinished`: the one whose cache hit vLLM reports. */
export function completionBody(call: CompletionCall, generations: readonly Generation[], lastFinished: Generation) {
  const { request, id, created, modelName, pod } = call.options;
  const withIds = request.return_token_ids === true;
  const completionTokens = generations.reduce((sum, generation) => sum + generation.tokens, 0);
  return {
    id,
    object: "text_completion",
    created,
    model: modelName,
    choices: generations.map((generation, index) => {
      const promptIds = call.promptIds(generation);
      const shown = call.echoOnly ? [] : generation.tokenIds;
      return {
        index,
        text: (call.echo ? call.promptText(generation) : "") + (call.echoOnly ? "" : generation.text),
        logprobs: call.logprobs(call.echo ? [...promptIds, ...shown] : generation.tokenIds, 0, call.echo),
        finish_reason: generation.finishReason ?? null,
        stop_reason: generation.stopReason,
        token_ids: withIds ? generation.tokenIds : null,
        prompt_logprobs: promptLogprobs(pod.tokenizer, promptIds, call.promptLogprobs),
        prompt_token_ids: withIds ? promptIds : null,
        routed_experts: null,
      };
    }),
    service_tier: null,
    system_fingerprint: pod.settings.systemFingerprint,
    usage: usage(call.promptTokens, completionTokens, call.details(lastFinished.cachedTokens)),
    kv_transfer_params: null,
    ec_transfer_params: null,
    metrics: null,
  };
}
