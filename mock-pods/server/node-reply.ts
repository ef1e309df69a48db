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
 * Node corks the socket until the tick ends, so that steps which are caught up with leave together.
 */
function chunked(response: ServerResponse): ReplyStream {
  response.chunkedEncoding = false;
  return {
    write(chunks) {
      let frames = "";
      let ascii = true;
      for (const chunk of chunks) {
        const bytes = Buffer.byteLength(chunk);
        ascii &&= bytes === chunk.length;
        frames += `${bytes.toString(16)}\r\n${chunk}\r\n`;
      }
      response.write(frames, ascii ? "latin1" : "utf8");
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
