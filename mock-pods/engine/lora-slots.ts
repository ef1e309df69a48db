import type { Sequence } from "./sequence.ts";

/** The adapters of a step: at most `maxLoras`, whatever number of requests share one. */
export class LoraSlots {
  readonly #maxLoras: number;
  readonly #ids = new Set<number>();

  constructor(maxLoras: number, running: readonly Sequence[]) {
    this.#maxLoras = maxLoras;
    for (const sequence of running) this.take(sequence);
  }

  fits({ request: { lora } }: Sequence): boolean {
    return lora === undefined || this.#ids.has(lora.id) || this.#ids.size < this.#maxLoras;
  }

  take({ request: { lora } }: Sequence): void {
    if (lora !== undefined) this.#ids.add(lora.id);
  }
}
