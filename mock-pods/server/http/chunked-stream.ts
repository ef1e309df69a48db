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
import type { ReplyStream } from "./exchange.ts";

const CHUNK_END = "\r\n";
const LAST_CHUNK = "0\r\n\r\n";

/** How a chunk of so many bytes begins: of all sizes that a token's event has. */
const heads: string[] = Array.from({ length: 512 }, (_, bytes) => `${bytes.toString(16)}\r\n`);

function headOf(bytes: number): string {
  return heads[bytes] ?? `${bytes.toString(16)}\r\n`;
}

let waiting: ChunkedStream[] = [];

function flushWaiting(): void {
  const streams = waiting;
  waiting = [];
  for (const stream of streams) stream.flush();
}

export class ChunkedStream implements ReplyStream {
  readonly #response: ServerResponse;
  /** To be written: chunks with their lengths in front and their line ends behind. */
  #frames = "";
  #isAscii = true;
  /** Once the head is on its way there. */
  #socket: Socket | undefined;

  /** The response's head is written, and nothing of its body. */
  constructor(response: ServerResponse) {
    response.chunkedEncoding = false;
    this.#response = response;
  }

  write(text: string, bytes = Buffer.byteLength(text)): void {
    if (this.#frames === "" && waiting.push(this) === 1) process.nextTick(flushWaiting);
    this.#frames += headOf(bytes) + text + CHUNK_END;
    if (bytes !== text.length) this.#isAscii = false;
  }

  writeBytes(bytes: Uint8Array): void {
    this.flush();
    this.#response.write(Buffer.concat([Buffer.from(headOf(bytes.length)), bytes, Buffer.from(CHUNK_END)]));
  }

  end(): void {
    this.#response.end(this.#frames + LAST_CHUNK, this.#encoding);
    this.#frames = "";
  }

  flush(): void {
    const frames = this.#frames;
    if (frames === "") return;
    if (this.#socket === undefined) this.#writeFirst(frames);
    else if (this.#socket.writable) this.#socket.write(frames, this.#encoding);
    this.#frames = "";
    this.#isAscii = true;
  }

  /** Node sends the head with it. A pipelined answer has no socket until those before it are whole: Node keeps all of it. */
  #writeFirst(frames: string): void {
    const response = this.#response;
    response.write(frames, this.#encoding);
    this.#socket = response.socket ?? undefined;
  }

  /** Text without accents is its own bytes: Node need not encode it. */
  get #encoding(): "latin1" | "utf8" {
    return this.#isAscii ? "latin1" : "utf8";
  }
}
