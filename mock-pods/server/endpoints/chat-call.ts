/** One `/v1/chat/completions` call while it is answered: collects a whole body, or streams chunks as tokens come. */
import type { ChatRequest } from "../../../fixtures/wire/chat-request.ts";
import type { ChatMessage } from "../../../fixtures/wire/chat-messages.ts";
import { badRequest } from "../../../fixtures/wire/errors.ts";
import { DONE_EVENT } from "../../../fixtures/wire/server-sent-events.ts";
import { pydanticText } from "../../../fixtures/wire/validation/pydantic-text.ts";
import { chunkUsage, usage, type CacheDetails } from "../../../fixtures/wire/usage.ts";
import type { ReplyStream, TextEvent } from "../http/exchange.ts";
import { chatLogprobs } from "../generation/chat-logprobs.ts";
import type { Delta, Generation } from "../generation/generation.ts";
import type { LogprobOptions } from "../generation/logprobs.ts";
import { promptLogprobs } from "../generation/prompt-logprobs.ts";
import { parseToolCalls, ToolCallStream } from "../generation/structured/tool-calls.ts";
import type { PodContext } from "../pod-context.ts";
import type { RenderedPrompt } from "../prompts/prompt-rendering.ts";

export interface ChatCallOptions {
  readonly pod: PodContext;
  readonly request: ChatRequest;
  readonly id: string;
  readonly created: number;
  readonly modelName: string;
  readonly prompt: RenderedPrompt;
}

export class ChatCall {
  readonly options: ChatCallOptions;
  /** The assistant's, or the last message's when no new one is begun. */
  readonly role: string;
  /** What `echo` puts before the answer: the last message, if its role is the answer's. */
  readonly echoed: string;
  /** Whether what the model says may hold calls of tools. */
  readonly parsesTools: boolean;
  /** Tools are there, wanted or not: a stream's empty text is then no content at all. */
  readonly offersTools: boolean;
  /** How many alternatives for each token of the prompt; an echo asks for those of the answer. */
  readonly promptLogprobs: number | null;
  readonly #logprobs: LogprobOptions | undefined;

  constructor(options: ChatCallOptions) {
    this.options = options;
    const { request, pod } = options;
    this.promptLogprobs = chatPromptLogprobs(request);
    this.parsesTools = parsesTools(pod, request);
    this.offersTools = pod.settings.toolParser !== undefined && Boolean(request.tools?.length);
    const last = request.messages.at(-1);
    this.role = request.add_generation_prompt === false ? (last?.role ?? "assistant") : "assistant";
    this.echoed = request.echo === true && last?.role === this.role ? textOf(last.content) : "";
    if (request.logprobs === true) {
      this.#logprobs = {
        count: request.top_logprobs ?? 0,
        ids: request.logprob_token_ids?.length ? request.logprob_token_ids : undefined,
        asIds: request.return_tokens_as_token_ids ?? pod.settings.tokensAsIds,
      };
    }
  }

  logprobs(ids: readonly number[]): object | null {
    return this.#logprobs === undefined ? null : chatLogprobs(this.options.pod.tokenizer, ids, this.#logprobs);
  }

  /**
   * vLLM echoes the message as its template was given it, and its chunks take no lists.
   *
   * @throws {Refusal} once the stream has begun
   */
  checkStreamedEcho(): void {
    const { pod, request } = this.options;
    if (this.echoed === "" || pod.tokenizer.contentFormat(request.chat_template ?? undefined) === "string") return;
    const { content } = request.messages.at(-1) as ChatMessage;
    const parts = typeof content === "string" ? [{ type: "text", text: content }] : content;
    const msg = "Input should be a valid string";
    throw badRequest(pydanticText("DeltaMessage", [{ type: "string_type", loc: ["content"], msg, input: parts }]));
  }

  /** OpenAI's rule: a call ends an answer with `tool_calls`, but one that was asked for by name with `stop`. */
  finishReason({ finishReason = "stop" }: Generation, called: boolean): string {
    const isNamed = typeof this.options.request.tool_choice === "object";
    return called && !isNamed && finishReason === "stop" ? "tool_calls" : finishReason;
  }

  get promptTokens(): number {
    return this.options.prompt.tokenIds.length;
  }

  /** Prompt tokens found in the cache, and whole blocks of it that this call was the first to write. */
  details(cachedTokens: number): CacheDetails | undefined {
    const { promptTokensDetails, blockTokens, prefixCaching, version } = this.options.pod.settings;
    if (!promptTokensDetails || this.options.request.use_beam_search === true) return undefined;
    if (cachedTokens === 0 && version.answers.zeroCached === "left-out") return undefined;
    if (version.answers.keys !== "now") return { cachedTokens };
    const whole = prefixCaching ? Math.floor(this.promptTokens / blockTokens) * blockTokens : 0;
    return { cachedTokens, createdTokens: Math.max(0, whole - cachedTokens) };
  }
}

export function chatPromptLogprobs(request: ChatRequest): number | null {
  return request.prompt_logprobs ?? (request.echo === true ? (request.top_logprobs ?? 0) : null);
}

export function parsesTools({ settings }: PodContext, { tools, tool_choice: choice }: ChatRequest): boolean {
  return settings.toolParser !== undefined && Boolean(tools?.length) && choice !== "none";
}

function textOf(content: ChatRequest["messages"][number]["content"]): string {
  if (content === undefined || content === null) return "";
  if (typeof content === "string") return content;
  return content.map((part) => (typeof part === "string" ? part : (part.text ?? ""))).join("\n");
}

/** Null content stands for an answer that is all call, unless the call was forced. */
function messageOf(call: ChatCall, { text }: Generation): { readonly called: boolean; readonly message: object } {
  const { content, calls } = call.parsesTools ? parseToolCalls(text) : { content: text, calls: [] };
  const isForced = !["auto", "none"].includes((call.options.request.tool_choice ?? "none") as string);
  return {
    called: calls.length > 0,
    message: {
      role: call.role,
      content: call.echoed === "" && !isForced ? content : call.echoed + (content ?? ""),
      refusal: null,
      annotations: null,
      audio: null,
      function_call: null,
      ...(calls.length > 0 ? { tool_calls: calls } : {}),
      reasoning: null,
    },
  };
}

export function chatBody(call: ChatCall, generations: readonly Generation[], last: Generation): object {
  const { request, id, created, modelName, pod, prompt } = call.options;
  const withIds = request.return_token_ids === true;
  const completionTokens = generations.reduce((sum, generation) => sum + generation.tokens, 0);
  return {
    id,
    object: "chat.completion",
    created,
    model: modelName,
    choices: generations.map((generation) => {
      const { message, called } = messageOf(call, generation);
      return {
        index: generation.plan.choiceIndex,
        message,
        logprobs: call.logprobs(generation.tokenIds),
        finish_reason: call.finishReason(generation, called),
        stop_reason: generation.stopReason,
        token_ids: withIds ? generation.tokenIds : null,
        routed_experts: null,
      };
    }),
    service_tier: null,
    system_fingerprint: pod.settings.systemFingerprint,
    usage: usage(call.promptTokens, completionTokens, call.details(last.cachedTokens)),
    prompt_logprobs: promptLogprobs(pod.tokenizer, prompt.tokenIds, call.promptLogprobs),
    prompt_token_ids: withIds ? prompt.tokenIds : null,
    prompt_text: request.return_prompt_text === true ? (prompt.text ?? null) : null,
    kv_transfer_params: null,
    ec_transfer_params: null,
    metrics: null,
  };
}

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
