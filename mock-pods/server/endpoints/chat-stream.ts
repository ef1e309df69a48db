/** A `/v1/chat/completions` call as a stream of chunks, told as tokens come. */
import { DONE_EVENT } from "../../../fixtures/wire/server-sent-events.ts";
import { chunkUsage } from "../../../fixtures/wire/usage.ts";
import type { ReplyStream, TextEvent } from "../http/exchange.ts";
import type { Delta, Generation } from "../generation/generation.ts";
import { ToolCallStream } from "../generation/structured/tool-calls.ts";
import type { ChatCall } from "./chat-call.ts";

/** Streams a call's chunks; one write for each step of the engine. */
export class ChatStream {
  readonly #call: ChatCall;
  readonly #stream: ReplyStream;
  readonly #opening: string;
  readonly #fingerprint: string | null;
  readonly #includeUsage: boolean;
  readonly #continuousUsage: boolean;
  /** A token in the middle of an answer differs from others in nothing but its text. */
  readonly #tellsTextAlone: boolean;
  readonly #generations: readonly Generation[];
  /** By choice: a token in the middle of its answer. */
  readonly #tokens: TextEvent[] = [];
  readonly #toolCalls: readonly ToolCallStream[];
  #started = false;
  #open: number;
  #cachedTokens = 0;

  constructor(call: ChatCall, stream: ReplyStream, generations: readonly Generation[]) {
    const { request, pod, id, created, modelName } = call.options;
    this.#call = call;
    this.#stream = stream;
    this.#open = generations.length;
    this.#generations = generations;
    this.#toolCalls = call.parsesTools ? generations.map(() => new ToolCallStream()) : [];
    this.#opening =
      `data: {"id":${JSON.stringify(id)},"object":"chat.completion.chunk","created":${created},` +
      `"model":${JSON.stringify(modelName)},"choices":[`;
    this.#fingerprint = pod.settings.systemFingerprint;
    const forced = pod.settings.forceIncludeUsage;
    this.#includeUsage = forced || request.stream_options?.include_usage === true;
    this.#continuousUsage = forced || (this.#includeUsage && request.stream_options?.continuous_usage_stats === true);
    const tellsMore = request.logprobs === true || request.return_token_ids === true || call.parsesTools;
    this.#tellsTextAlone = !tellsMore && !this.#continuousUsage;
  }

  onProgress(changed: readonly Generation[]): void {
    for (const generation of changed) {
      const delta = generation.takeDelta();
      if (delta === undefined) continue;
      if (!this.#started) this.#begin(generation);
      this.#write(delta);
      if (generation.finishReason !== undefined) this.#open--;
    }
    if (this.#open === 0) this.#close();
  }

  /** The role chunk of every choice, and the echo, when the first token of any of them is there. */
  #begin(generation: Generation): void {
    this.#started = true;
    this.#cachedTokens = generation.cachedTokens;
    const { request, prompt, pod } = this.#call.options;
    const ids = request.return_token_ids === true ? JSON.stringify(prompt.tokenIds) : "null";
    const text = request.return_prompt_text === true ? JSON.stringify(prompt.text ?? null) : "null";
    const role = JSON.stringify(this.#call.role);
    const isNow = pod.settings.version.answers.keys === "now";
    this.#writeToAll(`{"role":${role},"content":""}`, isNow ? `,"prompt_token_ids":${ids},"prompt_text":${text}` : "");
    const { echoed } = this.#call;
    this.#call.checkStreamedEcho();
    if (echoed !== "") this.#writeToAll(`{"content":${JSON.stringify(echoed)}}`, "");
  }

  /** The same to every choice, before its first token. */
  #writeToAll(delta: string, more: string): void {
    for (let index = 0; index < this.#generations.length; index++) {
      const choice = `{"index":${index},"delta":${delta},"logprobs":null,"finish_reason":null}`;
      this.#stream.write(`${this.#opening}${choice}]${this.#usagePart(0)}${more}}\n\n`);
    }
  }

  #write(delta: Delta): void {
    const { generation, text } = delta;
    const index = generation.plan.choiceIndex;
    if (generation.finishReason === undefined && this.#tellsTextAlone) {
      return (this.#tokens[index] ??= this.#tokenEvent(generation)).write(text);
    }
    const event = this.#event(delta);
    if (event !== undefined) this.#stream.write(event);
  }

  #tokenEvent(generation: Generation): TextEvent {
    const ids = this.#call.options.pod.settings.version.answers.keys === "now" ? `,"token_ids":null` : "";
    const event = this.#stream.textEvent(
      `${this.#opening}{"index":${generation.plan.choiceIndex},"delta":{"content":`,
      `},"logprobs":null,"finish_reason":null${ids}}]}\n\n`,
    );
    generation.tellTokensBy(event);
    return event;
  }

  /** Undefined for tokens that say nothing yet, as those of a tool's name. */
  #event({ generation, text, tokens }: Delta): string | undefined {
    const { request, pod } = this.#call.options;
    const isNow = pod.settings.version.answers.keys === "now";
    const index = generation.plan.choiceIndex;
    const tokenIds =
      request.logprobs === true || request.return_token_ids === true ? generation.lastTokenIds(tokens) : [];
    const logprobs = request.logprobs === true ? JSON.stringify(this.#call.logprobs(tokenIds)) : "null";
    const ids = request.return_token_ids === true ? JSON.stringify(tokenIds) : "null";
    const { finishReason, stopReason } = generation;
    const toolCalls = this.#toolCalls[index];
    const says = text !== "" || !this.#call.offersTools ? `{"content":${JSON.stringify(text)}}` : undefined;
    const told = toolCalls === undefined ? says : toolCalls.push(text);
    if (told === undefined && finishReason === undefined && request.logprobs !== true && ids === "null")
      return undefined;
    const finish =
      finishReason === undefined
        ? `"finish_reason":null`
        : `"finish_reason":"${this.#call.finishReason(generation, toolCalls?.called === true)}",` +
          `"stop_reason":${JSON.stringify(stopReason)}`;
    const fingerprint =
      finishReason !== undefined && !this.#includeUsage && this.#fingerprint !== null
        ? `,"system_fingerprint":${JSON.stringify(this.#fingerprint)}`
        : "";
    return (
      `${this.#opening}{"index":${index},"delta":${told ?? "{}"},"logprobs":${logprobs},` +
      `${finish}${isNow ? `,"token_ids":${ids}` : ""}}]${this.#usagePart(generation.tokens)}${fingerprint}}\n\n`
    );
  }

  #usagePart(completionTokens: number): string {
    if (!this.#continuousUsage) return "";
    const counts = { ...chunkUsage(this.#call.promptTokens, completionTokens), completion_tokens_details: null };
    return `,"usage":${JSON.stringify(counts)}`;
  }

  #close(): void {
    if (this.#includeUsage) this.#stream.write(this.#usageEvent());
    this.#stream.write(DONE_EVENT);
    this.#stream.end();
  }

  #usageEvent(): string {
    const completionTokens = this.#generations.reduce((sum, { tokens }) => sum + tokens, 0);
    const counts = chunkUsage(this.#call.promptTokens, completionTokens, this.#call.details(this.#cachedTokens));
    const fingerprint = this.#fingerprint === null ? "" : `,"system_fingerprint":${JSON.stringify(this.#fingerprint)}`;
    return `${this.#opening}],"usage":${JSON.stringify(counts)}${fingerprint}}\n\n`;
  }
}
