/** An event that says one text between words that stay: nearly every token's of a stream. */
import type { ReplyStream, TextEvent } from "./exchange.ts";

/** Joined anew for each token. */
export class JoinedTextEvent implements TextEvent {
  readonly #stream: Pick<ReplyStream, "write">;
  readonly #before: string;
  readonly #after: string;

  constructor(stream: Pick<ReplyStream, "write">, before: string, after: string) {
    this.#stream = stream;
    this.#before = before;
    this.#after = after;
  }

  write(text: string): void {
    this.#stream.write(this.#before + jsonOf(text).json + this.#after);
  }
}

export interface JsonText {
  /** With its quotation marks. */
  readonly json: string;
  readonly utf8: Uint8Array;
}

/** More than the common words of a vocabulary; others are not kept. */
const MOST_WORDS = 256;
const words = new Map<string, JsonText>();

export function jsonOf(text: string): JsonText {
  const known = words.get(text);
  if (known !== undefined) return known;
  const json = JSON.stringify(text);
  const made = { json, utf8: new TextEncoder().encode(json) };
  if (words.size < MOST_WORDS) words.set(text, made);
  return made;
}
