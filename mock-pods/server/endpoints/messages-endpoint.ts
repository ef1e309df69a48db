/** `POST /v1/messages`: a chat in Anthropic's words, whole or streamed, and how many tokens its prompt has. */
import { Refusal, UncaughtError } from "../../../fixtures/wire/errors.ts";
import { countTokensBody, messagesBody } from "../../../fixtures/wire/messages-body.ts";
import { asChat } from "../../../fixtures/wire/messages-request.ts";
import { WrongBody } from "../../../fixtures/wire/validation/wrong-body.ts";
import type { Generation } from "../generation/generation.ts";
import { parseToolCalls } from "../generation/structured/tool-calls.ts";
import { json, type Answer } from "../http/answer.ts";
import type { ReplyStream } from "../http/exchange.ts";
import { baseRequestId } from "../middleware/request-headers.ts";
import type { PodContext } from "../pod-context.ts";
import type { Handler, Route } from "../routes.ts";
import type { ChatCall } from "./chat-call.ts";
import { renderChatPrompt } from "./chat-endpoint.ts";
import { answerTranslated } from "./translated-chat.ts";

export function messagesRoutes(pod: PodContext): Route[] {
  return [
    { methods: ["POST"], path: "/v1/messages", handle: inItsWords(messages(pod)), body: messagesBody.schema },
    {
      methods: ["POST"],
      path: "/v1/messages/count_tokens",
      handle: inItsWords(countTokens(pod)),
      body: countTokensBody.schema,
    },
  ];
}

/** Only what is wrong with the body itself is told as everywhere else. */
function inItsWords(handle: Handler): Handler {
  return (exchange, responder) => {
    try {
      return handle(exchange, responder);
    } catch (error) {
      if (!(error instanceof Refusal) || error instanceof WrongBody || error instanceof UncaughtError) throw error;
      if (error.type === "") throw error;
      return json(error.status, { type: "error", error: { type: error.type, message: error.message } });
    }
  };
}

function countTokens(pod: PodContext): Handler {
  return ({ body, headers }): Answer => {
    const request = asChat(countTokensBody.read(body, headers["content-type"]));
    pod.models.resolve(request.model);
    const count = renderChatPrompt(pod, request).prompt.tokenIds.length;
    return json(200, { input_tokens: count, context_management: { original_input_tokens: count } });
  };
}

function messages(pod: PodContext): Handler {
  return (exchange, responder) => {
    const request = asChat(messagesBody.read(exchange.body, exchange.headers["content-type"]));
    return answerTranslated(pod, exchange, responder, {
      request,
      adapter: pod.models.resolve(request.model),
      id: `chatcmpl-${baseRequestId(pod, exchange, request)}`,
      stream: (call, stream) => new MessageStream(call, stream),
      body: (call, generation) => json(200, message(call, generation)),
    });
  };
}

function message(call: ChatCall, generation: Generation): object {
  const { id, modelName } = call.options;
  const { content, calls } = call.parsesTools
    ? parseToolCalls(generation.text)
    : { content: generation.text, calls: [] };
  return {
    id,
    type: "message",
    role: "assistant",
    content: [
      ...(content ? [{ type: "text", text: content }] : []),
      ...calls.map(({ id: callId, function: { name, arguments: given } }) => ({
        type: "tool_use",
        id: callId,
        name,
        input: JSON.parse(given) as unknown,
      })),
    ],
    model: modelName,
    ...ending(generation, calls.length > 0),
    usage: usageOf(call, generation),
  };
}

/** The sequence that stopped it, where one did. */
function ending(
  { finishReason, stopReason }: Generation,
  called: boolean,
): { stop_reason: string; stop_sequence?: string } {
  if (finishReason === "length") return { stop_reason: "max_tokens" };
  if (called) return { stop_reason: "tool_use" };
  return typeof stopReason === "string"
    ? { stop_reason: "stop_sequence", stop_sequence: stopReason }
    : { stop_reason: "end_turn" };
}

/** What the cache gave, or was given, is no input. */
function usageOf(call: ChatCall, generation: Generation): object {
  const { cachedTokens = 0, createdTokens = 0 } = call.details(generation.cachedTokens) ?? {};
  return {
    input_tokens: call.promptTokens - cachedTokens - createdTokens,
    output_tokens: generation.tokens,
    cache_creation_input_tokens: createdTokens,
    cache_read_input_tokens: cachedTokens,
  };
}

class MessageStream {
  readonly #call: ChatCall;
  readonly #stream: ReplyStream;
  #isBegun = false;
  #isOpen = false;

  constructor(call: ChatCall, stream: ReplyStream) {
    this.#call = call;
    this.#stream = stream;
  }

  onProgress([generation]: readonly Generation[]): void {
    const delta = generation?.takeDelta();
    if (generation === undefined || delta === undefined) return;
    if (!this.#isBegun) this.#begin();
    if (delta.text !== "") {
      if (!this.#isOpen) this.#tell("content_block_start", { content_block: { type: "text", text: "" }, index: 0 });
      this.#isOpen = true;
      this.#tell("content_block_delta", { delta: { type: "text_delta", text: delta.text }, index: 0 });
    }
    if (generation.finishReason !== undefined) this.#close(generation);
  }

  #begin(): void {
    this.#isBegun = true;
    const { id, modelName } = this.#call.options;
    const usage = { input_tokens: this.#call.promptTokens, output_tokens: 0 };
    const nothing = { content: [], model: modelName, stop_reason: null, stop_sequence: null, usage };
    this.#tell("message_start", { message: { id, type: "message", role: "assistant", ...nothing } });
  }

  #close(generation: Generation): void {
    if (this.#isOpen) this.#tell("content_block_stop", { index: 0 });
    const { stop_reason, stop_sequence = null } = ending(generation, false);
    this.#tell("message_delta", { delta: { stop_reason, stop_sequence }, usage: usageOf(this.#call, generation) });
    this.#tell("message_stop", {});
    this.#stream.end();
  }

  #tell(type: string, what: object): void {
    this.#stream.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...what })}\n\n`);
  }
}
