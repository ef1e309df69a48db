/** One `/v1/completions` call while it is answered: collects a whole body, or streams chunks as tokens come. */
import type { CompletionRequest } from "../../../fixtures/wire/completion-request.ts";
import { DONE_EVENT } from "../../../fixtures/wire/server-sent-events.ts";
import { chunkUsage, usage, type CacheDetails } from "../../../fixtures/wire/usage.ts";
import type { ReplyStream, TextEvent } from "../http/exchange.ts";
import { completionLogprobs, type CompletionLogprobs } from "../generation/completion-logprobs.ts";
import type { Delta, Generation } from "../generation/generation.ts";
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

/** How far one choice of a stream is. */
class StreamedChoice {
  /** A token of it in the middle of the answer. */
  token: TextEvent | undefined;
  /** Its first chunk is out, where that tells more than others do. */
  started = false;
  /** Of the next token in the text, for logprobs. */
  offset = 0;
}

/** Streams a call's chunks; one write for each step of the engine. */
export class CompletionStream {
  readonly #call: CompletionCall;
  readonly #stream: ReplyStream;
  readonly #generations: readonly Generation[];
  readonly #opening: string;
  readonly #fingerprint: string | null;
  readonly #isNow: boolean;
  /** Of a choice without ids. */
  readonly #laterKeys: string;
  /** Of an event that has none. */
  readonly #noUsage: string;
  readonly #includeUsage: boolean;
  readonly #continuousUsage: boolean;
  readonly #choices: readonly StreamedChoice[];
  /** Of a token in the middle of an answer, once any echo is out, nothing but its text is told. */
  readonly #tellsTextAlone: boolean;
  #open: number;
  #cachedTokens: number | undefined;

  constructor(call: CompletionCall, stream: ReplyStream, generations: readonly Generation[]) {
    const { request, pod, id, created, modelName } = call.options;
    this.#call = call;
    this.#stream = stream;
    this.#generations = generations;
    this.#open = generations.length;
    this.#choices = generations.map(() => new StreamedChoice());
    this.#tellsTextAlone = request.return_token_ids !== true && (request.logprobs ?? null) === null;
    this.#opening =
      `data: {"id":${JSON.stringify(id)},"object":"text_completion","created":${created},` +
      `"model":${JSON.stringify(modelName)},"choices":[`;
    this.#fingerprint = pod.settings.systemFingerprint;
    this.#isNow = pod.settings.version.answers.keys === "now";
    this.#laterKeys = this.#isNow ? `,"prompt_token_ids":null,"token_ids":null` : "";
    this.#noUsage = this.#isNow ? "" : `,"usage":null`;
    const forced = pod.settings.forceIncludeUsage;
    this.#includeUsage = forced || request.stream_options?.include_usage === true;
    this.#continuousUsage = forced || (this.#includeUsage && request.stream_options?.continuous_usage_stats === true);
  }

  onProgress(changed: readonly Generation[]): void {
    for (const generation of changed) {
      this.#cachedTokens ??= generation.cachedTokens;
      const delta = generation.takeDelta();
      if (delta === undefined) continue;
      this.#write(delta);
      if (generation.finishReason !== undefined) this.#open--;
    }
    if (this.#open === 0) this.#close();
  }

  #write(delta: Delta): void {
    const { generation, text } = delta;
    const index = generation.plan.choiceIndex;
    const choice = this.#choices[index] as StreamedChoice;
    const isPlain = this.#tellsTextAlone && (choice.started || !this.#call.echo);
    const tellsTextAlone = isPlain && generation.finishReason === undefined && !this.#continuousUsage;
    if (!tellsTextAlone) return this.#stream.write(this.#event(delta, isPlain));
    choice.token ??= this.#tokenEvent(generation);
    choice.token.write(text);
  }

  #tokenEvent(generation: Generation): TextEvent {
    const after = `${this.#afterText(generation)}]${this.#noUsage}}\n\n`;
    const event = this.#stream.textEvent(this.#beforeText(generation.plan.choiceIndex), after);
    generation.tellTokensBy(event);
    return event;
  }

  #event({ generation, text, tokens }: Delta, isPlain: boolean): string {
    const index = generation.plan.choiceIndex;
    const { finishReason } = generation;
    const choice = isPlain
      ? this.#beforeText(index) + JSON.stringify(text) + this.#afterText(generation)
      : this.#opening + this.#detailedChoice(generation, text, generation.lastTokenIds(tokens));
    const usagePart = this.#continuousUsage
      ? `,"usage":${JSON.stringify({
          ...chunkUsage(generation.promptTokens, generation.tokens),
          ...(this.#isNow ? {} : { prompt_tokens_details: null }),
        })}`
      : this.#noUsage;
    const fingerprint =
      finishReason !== undefined && !this.#includeUsage && this.#fingerprint !== null
        ? `,"system_fingerprint":${JSON.stringify(this.#fingerprint)}`
        : "";
    return `${choice}]${usagePart}${fingerprint}}\n\n`;
  }

  #beforeText(index: number): string {
    return `${this.#opening}{"index":${index},"text":`;
  }

  #afterText({ finishReason, stopReason }: Generation): string {
    return (
      `,"logprobs":null,"finish_reason":${quoted(finishReason)},` +
      `"stop_reason":${stopReason === null ? "null" : JSON.stringify(stopReason)}${this.#laterKeys}}`
    );
  }

  #detailedChoice(generation: Generation, text: string, tokenIds: readonly number[]): string {
    const call = this.#call;
    const index = generation.plan.choiceIndex;
    const choice = this.#choices[index] as StreamedChoice;
    const first = !choice.started;
    choice.started = true;
    const echoes = call.echo && first;
    const promptIds = call.promptIds(generation);
    const withIds = call.options.request.return_token_ids === true;
    const shownText = echoes ? call.promptText(generation) + (call.echoOnly ? "" : text) : text;
    const shownIds = echoes ? [...promptIds, ...(call.echoOnly ? [] : tokenIds)] : tokenIds;
    const logprobs = call.logprobs(shownIds, choice.offset, echoes);
    if (logprobs !== null && logprobs.tokens.length > 0) {
      choice.offset = (logprobs.text_offset.at(-1) as number) + (logprobs.tokens.at(-1) as string).length;
    }
    return JSON.stringify({
      index,
      text: shownText,
      logprobs,
      finish_reason: generation.finishReason ?? null,
      stop_reason: generation.stopReason,
      ...(this.#isNow
        ? {
            prompt_token_ids: first && (echoes || withIds) ? promptIds : null,
            token_ids: withIds ? tokenIds : null,
          }
        : {}),
    });
  }

  #close(): void {
    if (this.#includeUsage) this.#stream.write(this.#usageEvent());
    this.#stream.write(DONE_EVENT);
    this.#stream.end();
  }

  #usageEvent(): string {
    const { promptTokens } = this.#call;
    const completionTokens = this.#generations.reduce((sum, { tokens }) => sum + tokens, 0);
    const counts = chunkUsage(promptTokens, completionTokens, this.#call.details(this.#cachedTokens ?? 0));
    const fingerprint = this.#fingerprint === null ? "" : `,"system_fingerprint":${JSON.stringify(this.#fingerprint)}`;
    return `${this.#opening}],"usage":${JSON.stringify(counts)}${fingerprint}}\n\n`;
  }
}

function quoted(text: string | undefined): string {
  return text === undefined ? "null" : `"${text}"`;
}
