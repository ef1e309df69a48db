/**
 * Finds again what a step tells of: the running requests, one by one and nearly always as in the step before. So what stood
 * at a place last time is tried first, and a map is asked only where somebody came or went.
 */
export class StepOrder<Kept extends { readonly id: string }> {
  readonly #kept: ReadonlyMap<string, Kept>;
  readonly #order: Kept[] = [];

  constructor(kept: ReadonlyMap<string, Kept>) {
    this.#kept = kept;
  }

  /** `id` is never used again for another request. */
  find(place: number, id: string): Kept | undefined {
    const before = this.#order[place];
    if (before !== undefined && before.id === id) return before;
    const kept = this.#kept.get(id);
    if (kept !== undefined) this.#order[place] = kept;
    return kept;
  }

  /** Forgets those of steps before that had more than so many; a pod's last step has none. */
  forgetFrom(place: number): void {
    if (this.#order.length > place) this.#order.length = place;
  }
}
