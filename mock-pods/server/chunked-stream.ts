/**
 * A stream's chunks on their way to the socket: the path of every token.
 *
 * Frames chunks by itself: Node would merge those of one write into one, while uvicorn sends each event as its own chunk.
 * What one turn of the event loop brings leaves in one write, so that steps which are caught up with leave together; all
 * streams share the tick in which that happens. Node's own corking would take a tick for each stream and gather the parts
 * as a vector, which costs as much again as the write.
 */
import type { ServerResponse } from "node:http";
import type { Chunk } from "./chunk.ts";
import type { ReplyStream } from "./exchange.ts";

const CHUNK_END = Buffer.from("\r\n");
const LAST_CHUNK = "0\r\n\r\n";

let waiting: ChunkedStream[] = [];

function flushWaiting(): void {
  const streams = waiting;
  waiting = [];
  for (const stream of streams) stream.flush();
}

export class ChunkedStream implements ReplyStream {
  readonly #response: ServerResponse;
  #frames = "";
  #isAscii = true;
  #headSent = false;

  /** The response's head is written, and nothing of its body. */
  constructor(response: ServerResponse) {
    response.chunkedEncoding = false;
    this.#response = response;
  }

  write(chunk: Chunk): void {
    if (this.#frames === "" && waiting.push(this) === 1) process.nextTick(flushWaiting);
    this.#frames += chunk.frame;
    this.#isAscii &&= chunk.isAscii;
  }

  writeBytes(bytes: Uint8Array): void {
    this.flush();
    this.#headSent = true;
    const head = Buffer.from(`${bytes.length.toString(16)}\r\n`);
    this.#response.write(Buffer.concat([head, bytes, CHUNK_END]));
  }

  end(): void {
    const { frames, encoding } = this.#take();
    this.#response.end(frames + LAST_CHUNK, encoding);
  }

  flush(): void {
    const { frames, encoding } = this.#take();
    if (frames === "") return;
    const response = this.#response;
    const { socket } = response;
    // A pipelined answer has no socket until those before it are whole: Node keeps what is written for it.
    if (this.#headSent && socket !== null) {
      if (socket.writable) socket.write(frames, encoding);
    } else {
      this.#headSent = true;
      response.write(frames, encoding);
    }
  }

  #take(): { readonly frames: string; readonly encoding: "latin1" | "utf8" } {
    const taken = { frames: this.#frames, encoding: this.#isAscii ? "latin1" : "utf8" } as const;
    this.#frames = "";
    this.#isAscii = true;
    return taken;
  }
}
