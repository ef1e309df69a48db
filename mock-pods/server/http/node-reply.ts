/** Answers through node:http, with our own headers in our own order and nothing that Node would add. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { ChunkedStream } from "./chunked-stream.ts";
import type { HeaderPairs, Reply, ReplyStream } from "./exchange.ts";

export function nodeReply(response: ServerResponse): Reply {
  response.sendDate = false;
  // Marks the header as removed by hand, which stops Node from adding `connection` and `keep-alive`.
  response.removeHeader("connection");
  const closes = isLast(response.req);
  if (closes) response.shouldKeepAlive = false;
  const framed = (headers: HeaderPairs) => (closes ? withClose(headers) : headers).flat();
  return {
    send(status, headers, body) {
      if (response.destroyed) return;
      response.writeHead(status, framed(headers));
      // Text without accents is its own bytes: Node need not encode it, nor its head.
      if (typeof body === "string" && Buffer.byteLength(body) === body.length) response.end(body, "latin1");
      else response.end(body);
    },
    open(status, headers) {
      if (response.destroyed) return DISCARDED;
      response.writeHead(status, framed(headers));
      return new ChunkedStream(response);
    },
    onGone(action) {
      response.once("close", () => {
        if (!response.writableFinished) action();
      });
    },
    reset() {
      // What was written in this turn has still to leave.
      setImmediate(() => response.req.socket.resetAndDestroy());
    },
  };
}

/** The client wants no more on this connection, or speaks an HTTP that uvicorn keeps none open for. */
function isLast({ httpVersion, headers }: IncomingMessage): boolean {
  return httpVersion !== "1.1" || /\bclose\b/i.test(headers.connection ?? "");
}

/** Behind the headers of the answer, but before how it is framed. */
function withClose(headers: HeaderPairs): HeaderPairs {
  const last = headers.at(-1);
  const framing = last?.[0] === "transfer-encoding" ? [last] : [];
  return [...headers.slice(0, headers.length - framing.length), ["connection", "close"], ...framing];
}

const DISCARDED: ReplyStream = {
  write: () => undefined,
  writeBytes: () => undefined,
  textEvent: () => ({ write: () => undefined }),
  end: () => undefined,
};
