/**
 * A text event as a chunk that is made in place: the same bytes carry one token of a stream after the other.
 *
 * In them are room for the chunk's length, what stands before the text, the text, what stands behind it, room for longer texts.
 * Many frames share a block of memory: what Node keeps of a block for itself is as long as a frame, and is asked with every write.
 */
import type { TextEvent } from "./exchange.ts";
import { jsonOf } from "./text-event.ts";

/** Where frames go. */
export interface FrameStream {
  /** Nothing waits to be written. */
  readonly isIdle: boolean;
  /** Takes an idle stream: the frame is read before the turn of the event loop is over. */
  writeFrame(frame: EventFrame): void;
  /** One event, joined to what waits already. */
  write(text: string): void;
}

/** Four digits and a line end. */
const HEAD_BYTES = 6;
/** The longest text that is told in place. */
const TEXT_BYTES = 24;
const LINE_END = "\r\n";
const HEX_DIGITS = Buffer.from("0123456789abcdef");

/** Not the one that Node's small buffers share: a journal keeps the bodies in it for long after the stream. */
let block = Buffer.alloc(0);
let taken = 0;
/** One stream that lasts keeps all of it in memory. */
const BLOCK_BYTES = 16_384;

export class EventFrame implements TextEvent {
  readonly #stream: FrameStream;
  readonly bytes: Buffer;
  /** Of the chunk, in `bytes`. */
  start: number;
  end: number;
  /** Where what stands before the text begins. */
  readonly #beforeAt: number;
  readonly #textAt: number;
  #textBytes = 0;

  /** Both as short as an event of one token is: the chunk's length has four hexadecimal digits at most. */
  constructor(stream: FrameStream, before: string, after: string) {
    this.#stream = stream;
    const beforeBytes = Buffer.byteLength(before);
    const afterBytes = Buffer.byteLength(after) + LINE_END.length;
    const wholeBytes = HEAD_BYTES + beforeBytes + TEXT_BYTES + afterBytes;
    if (taken + wholeBytes > block.length) {
      block = Buffer.allocUnsafeSlow(Math.max(BLOCK_BYTES, wholeBytes));
      taken = 0;
    }
    this.bytes = block;
    this.#beforeAt = taken + HEAD_BYTES;
    taken += wholeBytes;
    this.#textAt = this.#beforeAt + beforeBytes;
    this.start = this.#beforeAt;
    this.end = this.#textAt + afterBytes;
    this.bytes.write(LINE_END + before, this.#beforeAt - LINE_END.length);
    this.bytes.write(after + LINE_END, this.#textAt);
  }

  write(text: string): void {
    const { json, utf8 } = jsonOf(text);
    if (!this.#stream.isIdle || utf8.length > TEXT_BYTES) return this.#stream.write(this.#joined(json));
    this.#say(utf8);
    this.#stream.writeFrame(this);
  }

  /** The chunk as it is now. */
  toString(): string {
    return this.bytes.toString("utf8", this.start, this.end);
  }

  #say(text: Uint8Array): void {
    const { bytes } = this;
    if (text.length !== this.#textBytes) this.#resize(text.length);
    for (let at = 0; at < text.length; at++) bytes[this.#textAt + at] = text[at] as number;
  }

  #resize(textBytes: number): void {
    const oldEnd = this.#textAt + this.#textBytes;
    this.bytes.copyWithin(this.#textAt + textBytes, oldEnd, this.end);
    this.end += textBytes - this.#textBytes;
    this.#textBytes = textBytes;
    this.start = this.#beforeAt - LINE_END.length;
    for (let size = this.end - LINE_END.length - this.#beforeAt; size > 0; size >>= 4) {
      this.bytes[--this.start] = HEX_DIGITS[size & 15] as number;
    }
  }

  #joined(json: string): string {
    const { bytes } = this;
    const before = bytes.toString("utf8", this.#beforeAt, this.#textAt);
    return before + json + bytes.toString("utf8", this.#textAt + this.#textBytes, this.end - LINE_END.length);
  }
}
