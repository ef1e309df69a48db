import { observe, type HistogramSlots } from "./page-layout.ts";

/** Observes times between tokens, of which all of a step mostly are the same: those in a row at once. */
export class TokenGaps {
  readonly #values: Float64Array;
  readonly #slots: HistogramSlots;
  #gapMs = 0;
  #times = 0;

  constructor(values: Float64Array, slots: HistogramSlots) {
    this.#values = values;
    this.#slots = slots;
  }

  add(gapMs: number, times = 1): void {
    if (gapMs !== this.#gapMs) this.observe();
    this.#gapMs = gapMs;
    this.#times += times;
  }

  /** Those left over, before anybody looks. */
  observe(): void {
    if (this.#times > 0) observe(this.#values, this.#slots, this.#gapMs / 1000, this.#times);
    this.#times = 0;
  }
}
