/** Answers through node:http, with our own headers in our own order and nothing that Node would add. */
import type { ServerResponse } from "node:http";
import type { Reply, ReplyStream } from "./exchange.ts";

export function nodeReply(response: ServerResponse): Reply {
  response.sendDate = false;
  // Marks the header as removed by hand, which stops Node from adding `connection` and `keep-alive`.
  response.removeHeader("connection");
  return {
    send(status, headers, body) {
      if (response.destroyed) return;
      response.writeHead(status, headers.flat());
      response.end(body);
    },
    open(status, headers) {
      if (response.destroyed) return DISCARDED;
      response.writeHead(status, headers.flat());
      return chunked(response);
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

const CHUNK_END = Buffer.from("\r\n");
const LAST_CHUNK = "0\r\n\r\n";

/**
 * Frames chunks by itself: Node would merge those of one write into one, while uvicorn sends each event as its own chunk.
 */
function chunked(response: ServerResponse): ReplyStream {
  response.chunkedEncoding = false;
  return {
    write(chunks) {
      response.write(chunks.length === 1 ? frame(chunks[0] as string) : chunks.map(frame).join(""));
    },
    writeBytes(bytes) {
      const head = Buffer.from(`${bytes.length.toString(16)}\r\n`);
      response.write(Buffer.concat([head, bytes, CHUNK_END]));
    },
    end() {
      response.end(LAST_CHUNK);
    },
  };
}

function frame(chunk: string): string {
  return `${Buffer.byteLength(chunk).toString(16)}\r\n${chunk}\r\n`;
}
