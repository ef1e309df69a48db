/** A `/v1/completions` call as a stream of chunks, told as tokens come. */
import { DONE_EVENT } from "../../../fixtures/wire/server-sent-events.ts";
import { chunkUsage } from "../../../fixtures/wire/usage.ts";
import type { ReplyStream, TextEvent } from "../http/exchange.ts";
import type { Delta, Generation } from "../generation/generation.ts";
import type { CompletionCall } from "./completion-call.ts";

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
