/** Tokens to text as they come: text is held back while its bytes are not yet whole UTF-8, as vLLM's decode stream does. */
import type { ModelTokenizer } from "../../../fixtures/tokenizer/model-tokenizer.ts";
import { vocabularyOf } from "./words.ts";

export class Detokenizer {
  readonly #tokenizer: ModelTokenizer;
  readonly #keepSpecial: boolean;
  readonly #texts: ReadonlyMap<number, string>;
  /** Ids whose text is not yet settled, after those that were settled last. */
  #window: number[] = [];
  #settled = 0;
  #settledText = "";

  constructor(tokenizer: ModelTokenizer, keepSpecial: boolean) {
    this.#tokenizer = tokenizer;
    this.#keepSpecial = keepSpecial;
    this.#texts = vocabularyOf(tokenizer).texts;
  }

  /** The text that this token adds; often all of it, sometimes none, sometimes with what was held back. */
  push(id: number): string {
    const known = this.#window.length === 0 ? this.#texts.get(id) : undefined;
    if (known !== undefined) return known;
    this.#window.push(id);
    const text = this.#tokenizer.decodeOutput(this.#window, this.#keepSpecial);
    if (text.length <= this.#settledText.length || text.endsWith("\uFFFD")) return "";
    const added = text.slice(this.#settledText.length);
    this.#window = this.#window.slice(this.#settled);
    this.#settled = this.#window.length;
    this.#settledText = this.#tokenizer.decodeOutput(this.#window, this.#keepSpecial);
    return added;
  }
}
