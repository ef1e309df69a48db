/** Tokens to text as they come: text is held back while its bytes are not yet whole UTF-8, as vLLM's decode stream does. */
import type { ModelTokenizer } from "../../../fixtures/tokenizer/model-tokenizer.ts";

export class Detokenizer {
  readonly #tokenizer: ModelTokenizer;
  readonly #keepSpecial: boolean;
  /** Ids whose text is not yet settled, after those that were settled last. */
  #window: number[] = [];
  #settled = 0;
  #settledText = "";

  constructor(tokenizer: ModelTokenizer, keepSpecial: boolean) {
    this.#tokenizer = tokenizer;
    this.#keepSpecial = keepSpecial;
  }

  /** The text that this token adds; often all of it, sometimes none, sometimes with what was held back. */
  push(id: number): string {
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
