/** A streamed answer that has begun and goes on only when told to. */
import type { ServerResponse } from "node:http";

export interface HeldReply {
  readonly pod: string;
  /** Ends the stream with its finish chunk and `[DONE]`. */
  finish(): void;
  /** Breaks the connection off, as a crash does. */
  fail(): void;
}

export interface HeldRequest {
  readonly pod: string;
  readonly requestId: string;
  readonly path: string;
}

/**
 * Sends status, headers and the first token, so that whoever counts by headers or by bytes has seen it begin; a silent one
 * only when it ends.
 */
export function openHold(response: ServerResponse, held: HeldRequest, silent = false): HeldReply {
  const chunk = held.path.startsWith("/v1/chat/") ? chatChunk : completionChunk;
  const begin = (): void => {
    response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "x-inference-pod": held.pod });
    response.write(`data: ${JSON.stringify(chunk(held, "Hello", null))}\n\n`);
  };
  if (!silent) begin();
  return {
    pod: held.pod,
    finish: () => {
      if (response.destroyed) return;
      if (silent) begin();
      response.end(`data: ${JSON.stringify(chunk(held, "", "stop"))}\n\ndata: [DONE]\n\n`);
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
