/**
 * Text to be sent, with stop strings: text that could begin one is held back until the request ends, and what stands
 * from the match on is dropped (`v1/engine/detokenizer.py`, 0.32).
 */
export class TextEmitter {
  readonly #stops: readonly string[];
  readonly #includeStop: boolean;
  readonly #minTokens: number;
  readonly #heldBack: number;
  /** What a stop string may still begin in; all of the text, where there are any. */
  #text = "";
  #sent = 0;
  /** The end of the text, apart: to cut it from the whole would copy the whole for every token. */
  #unsent = "";
  #tokens = 0;

  constructor(stops: readonly string[], includeStop: boolean, minTokens: number) {
    this.#stops = stops;
    this.#includeStop = includeStop;
    this.#minTokens = minTokens;
    this.#heldBack = stops.length === 0 || includeStop ? 0 : Math.max(...stops.map((stop) => stop.length)) - 1;
  }

  /** All of it, as long as nothing was taken. */
  get text(): string {
    return this.#unsent;
  }

  /** Adds one token's text; returns the stop string that it completed, if any. */
  push(text: string): string | undefined {
    this.#tokens++;
    this.#unsent += text;
    if (this.#stops.length === 0 || text === "") return undefined;
    const before = this.#text.length;
    this.#text += text;
    // A match that ends before `min_tokens` does not count; one that only begins there does.
    return this.#tokens <= this.#minTokens ? undefined : this.#match(before);
  }

  /** What may be sent now and has not been. */
  take(finished: boolean): string {
    const length = this.#unsent.length - (finished ? 0 : this.#heldBack);
    if (length <= 0) return "";
    this.#sent += length;
    const part = this.#unsent.slice(0, length);
    this.#unsent = this.#unsent.slice(length);
    return part;
  }

  #match(before: number): string | undefined {
    for (const stop of this.#stops) {
      const from = Math.max(before - stop.length + 1, 0);
      const at = this.#text.indexOf(stop, from);
      if (at < 0) continue;
      this.#text = this.#text.slice(0, this.#includeStop ? at + stop.length : at);
      this.#unsent = this.#text.slice(this.#sent);
      return stop;
    }
    return undefined;
  }
}
