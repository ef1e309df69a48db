/**
 * One HTTP chunk of text: in a stream of events, one event.
 *
 * It may be written again and again, on whatever connection: how it stands on the wire is made once. Most tokens of a
 * stream differ in nothing but a word from a small vocabulary, see {@link RecurringChunks}.
 */
import { DONE_EVENT } from "../../fixtures/wire/server-sent-events.ts";
import { byteLength } from "./answer.ts";

export class Chunk {
  #text: string | undefined;
  #frame = "";
  #isAscii = true;

  constructor(text: string) {
    this.#text = text;
  }

  get text(): string {
    return this.#text ?? this.#frame.slice(this.#frame.indexOf("\n") + 1, -2);
  }

  /** With its length in front and the line end behind, as the chunked transfer encoding has it. */
  get frame(): string {
    if (this.#text !== undefined) this.#makeFrame(this.#text);
    return this.#frame;
  }

  /** Whether the frame's characters are its bytes. */
  get isAscii(): boolean {
    if (this.#text !== undefined) this.#makeFrame(this.#text);
    return this.#isAscii;
  }

  #makeFrame(text: string): void {
    const bytes = byteLength(text);
    this.#isAscii = bytes === text.length;
    this.#frame = `${bytes.toString(16)}\r\n${text}\r\n`;
    // Can be had from the frame: no need to keep both.
    this.#text = undefined;
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
