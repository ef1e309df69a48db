/**
 * How far a machine fell behind a plan: a histogram with buckets 5% apart, from a microsecond up.
 *
 * Not Node's own, so that a pod can live in a browser too.
 */
export class Lateness {
  count = 0;
  sumMs = 0;
  maxMs = 0;
  readonly #buckets = new Float64Array(512);

  record(lateMs: number): void {
    this.count += 1;
    this.sumMs += lateMs;
    this.maxMs = Math.max(this.maxMs, lateMs);
    const bucket = lateMs <= SMALLEST_MS ? 0 : Math.ceil(Math.log(lateMs / SMALLEST_MS) / STEP);
    (this.#buckets[Math.min(bucket, this.#buckets.length - 1)] as number) += 1;
  }

  /** The lateness that `share` (0 to 1) of all records do not exceed, to 5%; 0 when there are none. */
  quantileMs(share: number): number {
    let left = Math.ceil(share * this.count);
    for (let bucket = 0; bucket < this.#buckets.length; bucket++) {
      left -= this.#buckets[bucket] as number;
      if (left <= 0) return this.count === 0 ? 0 : Math.min(this.maxMs, SMALLEST_MS * Math.exp(bucket * STEP));
    }
    return this.maxMs;
  }
}

const SMALLEST_MS = 0.001;
const STEP = Math.log(1.05);
