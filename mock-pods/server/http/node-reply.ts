/** Answers through node:http, with our own headers in our own order and nothing that Node would add. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { ChunkedStream } from "./chunked-stream.ts";
import type { HeaderPairs, Reply, ReplyStream } from "./exchange.ts";
import { withClose } from "./with-close.ts";

export class NodeReply implements Reply {
  readonly #response: ServerResponse;
  readonly #closes: boolean;

  constructor(response: ServerResponse) {
    response.sendDate = false;
    // Marks the header as removed by hand, which stops Node from adding `connection` and `keep-alive`.
    response.removeHeader("connection");
    this.#response = response;
    this.#closes = isLast(response.req);
    if (this.#closes) response.shouldKeepAlive = false;
  }

  send(status: number, headers: HeaderPairs, body: Uint8Array | string, isLast = false): void {
    const response = this.#response;
    if (response.destroyed) return;
    if (isLast) response.shouldKeepAlive = false;
    this.#writeHead(status, headers);
    // Text without accents is its own bytes: Node need not encode it, nor its head.
    if (typeof body === "string" && Buffer.byteLength(body) === body.length) response.end(body, "latin1");
    else response.end(body);
  }

  open(status: number, headers: HeaderPairs): ReplyStream {
    if (this.#response.destroyed) return DISCARDED;
    this.#writeHead(status, headers);
    this.#response.chunkedEncoding = false;
    this.#response.flushHeaders();
    return new ChunkedStream(this.#response);
  }

  onGone(action: () => void): void {
    this.#response.on("close", () => {
      if (!this.#response.writableFinished) action();
    });
  }

  reset(): void {
    // What was written in this turn has still to leave.
    setImmediate(() => this.#response.req.socket.resetAndDestroy());
  }

  hangUp(): void {
    setImmediate(() => this.#response.req.socket.destroySoon());
  }

  #writeHead(status: number, headers: HeaderPairs): void {
    this.#response.writeHead(status, (this.#closes ? withClose(headers) : headers).flat());
  }
}

/** The client wants no more on this connection, or speaks an HTTP that uvicorn keeps none open for. */
function isLast({ httpVersion, headers }: IncomingMessage): boolean {
  return httpVersion !== "1.1" || /\bclose\b/i.test(headers.connection ?? "");
}

const DISCARDED: ReplyStream = {
  write: () => undefined,
  writeBytes: () => undefined,
  textEvent: () => ({ write: () => undefined }),
  end: () => undefined,
};
