/** One `/v1/chat/completions` call: what its answer needs to know of it, and that answer whole. */
import type { ChatRequest } from "../../../fixtures/wire/chat-request.ts";
import type { ChatMessage } from "../../../fixtures/wire/chat-messages.ts";
import { badRequest } from "../../../fixtures/wire/errors.ts";
import { pydanticText } from "../../../fixtures/wire/validation/pydantic-text.ts";
import { usage, type CacheDetails } from "../../../fixtures/wire/usage.ts";
import { chatLogprobs } from "../generation/chat-logprobs.ts";
import type { Generation } from "../generation/generation.ts";
import type { LogprobOptions } from "../generation/logprobs.ts";
import { promptLogprobs } from "../generation/prompt-logprobs.ts";
import { parseToolCalls } from "../generation/structured/tool-calls.ts";
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
  finishReason({ finishReason = "stop" }: Told, called: boolean): string {
    const isNamed = typeof this.options.request.tool_choice === "object";
    return called && !isNamed && finishReason === "stop" ? "tool_calls" : finishReason;
  }

  get promptTokens(): number {
    return this.options.prompt.tokenIds.length;
  }

  /** Prompt tokens found in the cache, and whole blocks of it that this call was the first to write. */
  details(cachedTokens: number): CacheDetails | undefined {
    const { promptTokensDetails, version } = this.options.pod.settings;
    if (!promptTokensDetails || this.options.request.use_beam_search === true) return undefined;
    if (cachedTokens === 0 && version.answers.zeroCached === "left-out") return undefined;
    return version.answers.keys === "now" ? this.cacheCounts(cachedTokens) : { cachedTokens };
  }

  /** The same, whoever wants to know. */
  cacheCounts(cachedTokens: number): Required<CacheDetails> {
    const { blockTokens, prefixCaching } = this.options.pod.settings;
    const whole = prefixCaching ? Math.floor(this.promptTokens / blockTokens) * blockTokens : 0;
    return { cachedTokens, createdTokens: Math.max(0, whole - cachedTokens) };
  }
}

export function chatPromptLogprobs(request: ChatRequest): number | null {
  return request.prompt_logprobs ?? (request.echo === true ? (request.top_logprobs ?? 0) : null);
}

/** Another API may offer tools of which none is a function: an empty list. */
export function parsesTools({ settings }: PodContext, { tools, tool_choice: choice }: ChatRequest): boolean {
  return settings.toolParser !== undefined && Boolean(tools) && choice !== "none";
}

function textOf(content: ChatRequest["messages"][number]["content"]): string {
  if (content === undefined || content === null) return "";
  if (typeof content === "string") return content;
  return content.map((part) => (typeof part === "string" ? part : (part.text ?? ""))).join("\n");
}

/** Null content stands for an answer that is all call, unless the call was forced. */
function messageOf(call: ChatCall, { text }: Told): { readonly called: boolean; readonly message: object } {
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

/** What an answer tells of a generation. */
export type Told = Pick<Generation, "plan" | "tokens" | "tokenIds" | "text" | "finishReason" | "stopReason">;

export function chatChoice(call: ChatCall, generation: Told): object {
  const { message, called } = messageOf(call, generation);
  return {
    index: generation.plan.choiceIndex,
    message,
    logprobs: call.logprobs(generation.tokenIds),
    finish_reason: call.finishReason(generation, called),
    stop_reason: generation.stopReason,
    token_ids: call.options.request.return_token_ids === true ? generation.tokenIds : null,
    routed_experts: null,
  };
}

export function chatBody(call: ChatCall, generations: readonly Generation[], last: Generation): object {
  const { request, id, created, modelName, pod, prompt } = call.options;
  const completionTokens = generations.reduce((sum, generation) => sum + generation.tokens, 0);
  return {
    id,
    object: "chat.completion",
    created,
    model: modelName,
    choices: generations.map((generation) => chatChoice(call, generation)),
    service_tier: null,
    system_fingerprint: pod.settings.systemFingerprint,
    usage: usage(call.promptTokens, completionTokens, call.details(last.cachedTokens)),
    prompt_logprobs: promptLogprobs(pod.tokenizer, prompt.tokenIds, call.promptLogprobs),
    prompt_token_ids: request.return_token_ids === true ? prompt.tokenIds : null,
    prompt_text: request.return_prompt_text === true ? (prompt.text ?? null) : null,
    kv_transfer_params: null,
    ec_transfer_params: null,
    metrics: null,
  };
}
