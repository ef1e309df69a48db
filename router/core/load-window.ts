import type { RecentLoad } from "./strategies/strategy.ts";

export interface WindowEntry {
  readonly atMs: number;
  readonly seconds: number;
  /** False once it has left the window or was withdrawn. */
  counted: boolean;
  readonly onLeave: (() => void) | undefined;
}

/**
 * What one pod was given lately: requests of the last `spanMs` and their estimated GPU seconds. Readers say what time it
 * is, and what is too old by then is gone before they look.
 */
export class LoadWindow implements RecentLoad {
  readonly #spanMs: number;
  /** In order of time; what stands before `#first` has left. */
  #entries: WindowEntry[] = [];
  #first = 0;
  #requests = 0;
  #seconds = 0;

  constructor(spanMs: number) {
    this.#spanMs = spanMs;
  }

  requests(nowMs: number): number {
    this.#expire(nowMs);
    return this.#requests;
  }

  seconds(nowMs: number): number {
    this.#expire(nowMs);
    return this.#seconds;
  }

  /** `onLeave` is called once, when it leaves or is withdrawn. */
  add(atMs: number, seconds: number, onLeave?: () => void): WindowEntry {
    const entry = { atMs, seconds, counted: true, onLeave };
    this.#entries.push(entry);
    this.#requests++;
    this.#seconds += seconds;
    return entry;
  }

  /** The request failed: it never was. */
  withdraw(entry: WindowEntry): void {
    if (!entry.counted) return;
    entry.counted = false;
    this.#requests--;
    // From a clean zero again, so that rounding never adds up over days.
    this.#seconds = this.#requests === 0 ? 0 : this.#seconds - entry.seconds;
    entry.onLeave?.();
  }

  /** An entry exactly `spanMs` old is out: AIBrix keeps what is strictly younger than three minutes. */
  #expire(nowMs: number): void {
    const oldestMs = nowMs - this.#spanMs;
    let entry = this.#entries[this.#first];
    while (entry !== undefined && entry.atMs <= oldestMs) {
      this.withdraw(entry);
      entry = this.#entries[++this.#first];
    }
    if (this.#first > 64 && this.#first * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#first);
      this.#first = 0;
    }
  }
}
