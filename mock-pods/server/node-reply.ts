/** Answers through node:http, with our own headers in our own order and nothing that Node would add. */
import type { ServerResponse } from "node:http";
import { ChunkedStream } from "./chunked-stream.ts";
import type { Reply, ReplyStream } from "./exchange.ts";

export function nodeReply(response: ServerResponse): Reply {
  response.sendDate = false;
  // Marks the header as removed by hand, which stops Node from adding `connection` and `keep-alive`.
  response.removeHeader("connection");
  return {
    send(status, headers, body) {
      if (response.destroyed) return;
      response.writeHead(status, headers.flat());
      // Text without accents is its own bytes: Node need not encode it, nor its head.
      if (typeof body === "string" && Buffer.byteLength(body) === body.length) response.end(body, "latin1");
      else response.end(body);
    },
    open(status, headers) {
      if (response.destroyed) return DISCARDED;
      response.writeHead(status, headers.flat());
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

const DISCARDED: ReplyStream = { write: () => undefined, writeBytes: () => undefined, end: () => undefined };
