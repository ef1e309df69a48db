/** Which share of the prompt tokens a pod was given lately it had cached. */
export class HitRatio {
  readonly #spanMs: number;
  #entries: { readonly atMs: number; readonly hitTokens: number; readonly totalTokens: number }[] = [];
  #hitTokens = 0;
  #totalTokens = 0;

  constructor(spanMs: number) {
    this.#spanMs = spanMs;
  }

  add(atMs: number, hitTokens: number, totalTokens: number): void {
    this.#forget(atMs);
    this.#entries.push({ atMs, hitTokens, totalTokens });
    this.#hitTokens += hitTokens;
    this.#totalTokens += totalTokens;
  }

  at(nowMs: number): number {
    this.#forget(nowMs);
    return this.#totalTokens === 0 ? 0 : this.#hitTokens / this.#totalTokens;
  }

  #forget(nowMs: number): void {
    const firstRecent = this.#entries.findIndex(({ atMs }) => atMs > nowMs - this.#spanMs);
    for (const old of this.#entries.splice(0, firstRecent < 0 ? this.#entries.length : firstRecent)) {
      this.#hitTokens -= old.hitTokens;
      this.#totalTokens -= old.totalTokens;
    }
  }
}
