/**
 * A stream's chunks on their way to the socket: the path of every token.
 *
 * Frames chunks by itself: Node would merge those of one write into one, while uvicorn sends each event as its own chunk.
 * What one turn of the event loop brings leaves in one write, so that steps which are caught up with leave together; all
 * streams share the tick in which that happens. Node's own corking would take a tick for each stream and gather the parts
 * as a vector, which costs as much again as the write.
 */
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Chunk } from "./chunk.ts";
import type { ReplyStream } from "./exchange.ts";

const CHUNK_END = Buffer.from("\r\n");
const LAST_CHUNK = Buffer.from("0\r\n\r\n");

let waiting: ChunkedStream[] = [];

function flushWaiting(): void {
  const streams = waiting;
  waiting = [];
  for (const stream of streams) stream.flush();
}

export class ChunkedStream implements ReplyStream {
  readonly #response: ServerResponse;
  /** Nearly always one. */
  #first: Buffer | undefined;
  #more: Buffer[] = NONE;
  /** Once the head is on its way there. */
  #socket: Socket | undefined;

  /** The response's head is written, and nothing of its body. */
  constructor(response: ServerResponse) {
    response.chunkedEncoding = false;
    this.#response = response;
  }

  write({ frame }: Chunk): void {
    this.#add(frame);
  }

  writeBytes(bytes: Uint8Array): void {
    this.flush();
    const head = Buffer.from(`${bytes.length.toString(16)}\r\n`);
    this.#response.write(Buffer.concat([head, bytes, CHUNK_END]));
  }

  end(): void {
    this.#add(LAST_CHUNK);
    this.#response.end(this.#take());
  }

  flush(): void {
    const frames = this.#take();
    if (frames === undefined) return;
    if (this.#socket === undefined) this.#writeFirst(frames);
    else if (this.#socket.writable) this.#socket.write(frames);
  }

  /** Node sends the head with it. A pipelined answer has no socket until those before it are whole: Node keeps all of it. */
  #writeFirst(frames: Buffer): void {
    const response = this.#response;
    response.write(frames);
    this.#socket = response.socket ?? undefined;
  }

  #add(frame: Buffer): void {
    if (this.#first === undefined) {
      this.#first = frame;
      if (waiting.push(this) === 1) process.nextTick(flushWaiting);
    } else if (this.#more === NONE) this.#more = [this.#first, frame];
    else this.#more.push(frame);
  }

  #take(): Buffer | undefined {
    const frames = this.#more === NONE ? this.#first : Buffer.concat(this.#more);
    this.#first = undefined;
    this.#more = NONE;
    return frames;
  }
}

const NONE: Buffer[] = [];
