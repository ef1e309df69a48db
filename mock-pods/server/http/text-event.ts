/**
 * An event that says one text between words that stay: nearly every token's of a stream.
 *
 * Joined anew for each token. To keep the events of a vocabulary's common words made would be no faster, a thousand
 * streams' having no place in the processor's caches, and take ten times the memory.
 */
import { byteLength } from "./answer.ts";
import type { ReplyStream } from "./exchange.ts";

export class TextEvent {
  readonly #stream: ReplyStream;
  readonly #before: string;
  readonly #after: string;
  readonly #bytes: number;

  /** `before` and `after` the text as a JSON string, which has its own quotation marks. */
  constructor(stream: ReplyStream, before: string, after: string) {
    this.#stream = stream;
    this.#before = before;
    this.#after = after;
    this.#bytes = byteLength(before) + byteLength(after);
  }

  write(text: string): void {
    const { json, bytes } = asJson(text);
    this.#stream.write(this.#before + json + this.#after, this.#bytes + bytes);
  }
}

interface Json {
  readonly json: string;
  readonly bytes: number;
}

/** More than the common words of a vocabulary; others are not kept. */
const MOST_WORDS = 256;
const words = new Map<string, Json>();

function asJson(text: string): Json {
  const known = words.get(text);
  if (known !== undefined) return known;
  const json = JSON.stringify(text);
  const made = { json, bytes: byteLength(json) };
  if (words.size < MOST_WORDS) words.set(text, made);
  return made;
}
