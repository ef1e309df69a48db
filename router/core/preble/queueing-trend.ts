/** Times to first token on one pod over the window: has waiting there doubled? */
export class QueueingTrend {
  readonly #spanMs: number;
  /** In order of time, nothing older than the span at the last look. */
  #samples: { readonly atMs: number; readonly waitMs: number }[] = [];

  constructor(spanMs: number) {
    this.#spanMs = spanMs;
  }

  add(atMs: number, waitMs: number): void {
    this.#forget(atMs);
    this.#samples.push({ atMs, waitMs });
  }

  /** Mean of the later half of the window at least twice that of the earlier half. Both halves must have samples. */
  hasDoubled(nowMs: number): boolean {
    this.#forget(nowMs);
    const middleMs = nowMs - this.#spanMs / 2;
    const earlier = mean(this.#samples.filter(({ atMs }) => atMs <= middleMs));
    const later = mean(this.#samples.filter(({ atMs }) => atMs > middleMs));
    return later >= 2 * earlier;
  }

  /** Starts over, once something was done about it. */
  clear(): void {
    this.#samples = [];
  }

  #forget(nowMs: number): void {
    const firstRecent = this.#samples.findIndex(({ atMs }) => atMs > nowMs - this.#spanMs);
    this.#samples.splice(0, firstRecent < 0 ? this.#samples.length : firstRecent);
  }
}

/** Not a number, and so not double of anything, where there is nothing. */
function mean(samples: readonly { readonly waitMs: number }[]): number {
  return samples.reduce((sum, { waitMs }) => sum + waitMs, 0) / samples.length;
}
