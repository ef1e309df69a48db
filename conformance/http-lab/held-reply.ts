/** An answer that has begun, or not even that, and goes on only when told to. */
import type { ServerResponse } from "node:http";

export interface HeldReply {
  readonly pod: string;
  /** One token more, of a stream that has begun. */
  say(): void;
  /** Ends a stream with its finish chunk and `[DONE]`; what is no stream comes whole. */
  finish(): void;
  /** Breaks the connection off, as a crash does. */
  fail(): void;
}

export interface HeldRequest {
  readonly pod: string;
  readonly requestId: string;
  readonly path: string;
  /** The client wants its answer as a stream. */
  readonly streams: boolean;
}

/**
 * Sends status, headers and the first token, so that whoever counts by headers or by bytes has seen it begin; a silent one,
 * and one that wants no stream, only when it ends.
 */
export function openHold(response: ServerResponse, held: HeldRequest, silent = false): HeldReply {
  if (!held.streams) return wholeAnswer(response, held);
  const chunk = isChat(held) ? chatChunk : completionChunk;
  const begin = (): void => {
    response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "x-inference-pod": held.pod });
    response.write(`data: ${JSON.stringify(chunk(held, "Hello", null))}\n\n`);
  };
  if (!silent) begin();
  return {
    pod: held.pod,
    say: () => {
      if (!silent && !response.destroyed) response.write(`data: ${JSON.stringify(chunk(held, "Hello", null))}\n\n`);
    },
    finish: () => {
      if (response.destroyed) return;
      if (silent) begin();
      response.end(`data: ${JSON.stringify(chunk(held, "", "stop"))}\n\ndata: [DONE]\n\n`);
    },
    fail: () => response.socket?.resetAndDestroy(),
  };
}

const isChat = ({ path }: HeldRequest): boolean => path.startsWith("/v1/chat/");

function wholeAnswer(response: ServerResponse, held: HeldRequest): HeldReply {
  const chat = { message: { role: "assistant", content: "Hello" } };
  const choice = { index: 0, ...(isChat(held) ? chat : { text: "Hello" }), logprobs: null, finish_reason: "stop" };
  const body = { ...completionChunk(held, "", "stop"), choices: [choice] };
  const object = isChat(held) ? "chat.completion" : "text_completion";
  return {
    pod: held.pod,
    say: () => undefined,
    finish: () => {
      if (response.destroyed) return;
      response.writeHead(200, { "content-type": "application/json", "x-inference-pod": held.pod });
      response.end(
        JSON.stringify({ ...body, object, usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } }),
      );
    },
    fail: () => response.socket?.resetAndDestroy(),
  };
}

function completionChunk({ requestId }: HeldRequest, text: string, finish: "stop" | null): object {
  const choice = { index: 0, text, logprobs: null, finish_reason: finish, stop_reason: null };
  return { id: `cmpl-${requestId}`, object: "text_completion", created: 0, model: "model", choices: [choice] };
}

function chatChunk({ requestId }: HeldRequest, content: string, finish: "stop" | null): object {
  const choice = { index: 0, delta: { content }, logprobs: null, finish_reason: finish };
  return {
    id: `chatcmpl-${requestId}`,
    object: "chat.completion.chunk",
    created: 0,
    model: "model",
    choices: [choice],
  };
}
