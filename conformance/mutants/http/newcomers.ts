/** Pods that a proxy does not send to for a while after they came, as long as there is an older one: it herds on that. */
import type { Clock } from "../../../fixtures/clock.ts";

export class Newcomers {
  readonly #herdMs: number;
  readonly #clock: Clock;
  #knownFromMs = new Map<string, number>();

  constructor(herdMs: number, clock: Clock) {
    this.#herdMs = herdMs;
    this.#clock = clock;
  }

  setPods(names: readonly string[]): void {
    const nowMs = this.#clock.nowMs();
    const [first] = names;
    const ofNone = !names.some((name) => (this.#knownFromMs.get(name) ?? Infinity) <= nowMs);
    this.#knownFromMs = new Map(
      names.map((name) => {
        const knownFromMs = this.#knownFromMs.get(name) ?? nowMs + this.#herdMs;
        return [name, ofNone && name === first ? nowMs : knownFromMs];
      }),
    );
  }

  leftOut(): readonly string[] {
    const nowMs = this.#clock.nowMs();
    return [...this.#knownFromMs].flatMap(([name, fromMs]) => (fromMs > nowMs ? [name] : []));
  }
}
