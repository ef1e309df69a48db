/**
 * One HTTP chunk of text: in a stream of events, one event.
 *
 * It may be written again and again, on whatever connection: how it stands on the wire is made once. Most tokens of a
 * stream differ in nothing but a word from a small vocabulary, see {@link RecurringChunks}.
 */
import { DONE_EVENT } from "../../fixtures/wire/server-sent-events.ts";

export class Chunk {
  readonly text: string;
  #frame: Buffer | undefined;

  constructor(text: string) {
    this.text = text;
  }

  /** With its length in front and the line end behind, as the chunked transfer encoding has it. Not in a browser. */
  get frame(): Buffer {
    return (this.#frame ??= Buffer.from(`${Buffer.byteLength(this.text).toString(16)}\r\n${this.text}\r\n`));
  }
}

/** The end of every stream of events. */
export const DONE = new Chunk(DONE_EVENT);

/** More different words than the common ones of a vocabulary; an answer of other words is not kept a second time. */
const MOST_CHUNKS = 32;

/** Chunks of one choice of a stream, by the one thing in which they differ: the text they add. */
export class RecurringChunks {
  readonly #made = new Map<string, Chunk>();

  find(text: string): Chunk | undefined {
    return this.#made.get(text);
  }

  keep(text: string, chunk: Chunk): void {
    if (this.#made.size < MOST_CHUNKS) this.#made.set(text, chunk);
  }
}
