/**
 * A stream's chunks on their way to the socket: the path of every token.
 *
 * Frames chunks by itself: Node would merge those of one write into one, while uvicorn sends each event as its own chunk.
 * What one turn of the event loop brings leaves in one write, so that steps which are caught up with leave together; all
 * streams share the tick in which that happens. Node's own corking would take a tick for each stream and gather the parts
 * as a vector, which costs as much again as the write.
 */
import type { Socket } from "node:net";
import { EventFrame, type FrameStream } from "./event-frame.ts";
import type { ReplyStream, TextEvent } from "./exchange.ts";
import { descriptorOf, writeNow } from "./write-now.ts";

const CHUNK_END = "\r\n";
const LAST_CHUNK = "0\r\n\r\n";

let waiting: ChunkedStream[] = [];

function flushWaiting(): void {
  const streams = waiting;
  waiting = [];
  for (const stream of streams) stream.flush();
}

/** Where chunks go: they are framed already. */
export interface Body {
  /** null as long as an answer before it is not whole. */
  readonly socket: Socket | null;
  /** The first with the head in front. */
  write(part: string | Uint8Array): unknown;
  end(part: string): unknown;
}

export class ChunkedStream implements ReplyStream, FrameStream {
  readonly #body: Body;
  /** To be written: one chunk that is made in place, or else text: */
  #frame: EventFrame | undefined;
  /** chunks with their lengths in front and their line ends behind. */
  #frames = "";
  /** Once the head is on its way there. */
  #socket: Socket | undefined;
  #descriptor = -1;

  /** Nothing of it is written. */
  constructor(body: Body) {
    this.#body = body;
  }

  get isIdle(): boolean {
    return this.#frame === undefined && this.#frames === "";
  }

  write(text: string): void {
    if (this.isIdle) this.#wait();
    this.#joinFrame();
    this.#frames += `${Buffer.byteLength(text).toString(16)}\r\n${text}${CHUNK_END}`;
  }

  writeFrame(frame: EventFrame): void {
    this.#wait();
    this.#frame = frame;
  }

  writeBytes(bytes: Uint8Array): void {
    this.flush();
    const head = `${bytes.length.toString(16)}\r\n`;
    this.#body.write(Buffer.concat([Buffer.from(head), bytes, Buffer.from(CHUNK_END)]));
  }

  textEvent(before: string, after: string): TextEvent {
    return new EventFrame(this, before, after);
  }

  end(): void {
    this.#joinFrame();
    this.#body.end(this.#frames + LAST_CHUNK);
    this.#frames = "";
  }

  flush(): void {
    const frame = this.#frame;
    if (frame !== undefined && this.#socket !== undefined) {
      this.#frame = undefined;
      if (this.#socket.writable) writeNow(this.#socket, this.#descriptor, frame.bytes, frame.start, frame.end);
      return;
    }
    this.#joinFrame();
    const frames = this.#frames;
    if (frames === "") return;
    this.#frames = "";
    if (this.#socket === undefined) this.#writeFirst(frames);
    else if (this.#socket.writable) this.#socket.write(frames);
  }

  #wait(): void {
    if (waiting.push(this) === 1) process.nextTick(flushWaiting);
  }

  #joinFrame(): void {
    if (this.#frame === undefined) return;
    this.#frames = this.#frame.toString();
    this.#frame = undefined;
  }

  /** Node sends the head with it. A pipelined answer has no socket until those before it are whole: Node keeps all of it. */
  #writeFirst(frames: string): void {
    this.#body.write(frames);
    const { socket } = this.#body;
    if (socket === null) return;
    this.#socket = socket;
    this.#descriptor = descriptorOf(socket);
  }
}
