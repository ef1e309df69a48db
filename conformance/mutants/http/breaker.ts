/** Leaves a pod out for a while after several failures. */
import type { Clock } from "../../../fixtures/clock.ts";

const FAILURES_TO_OPEN = 5;

export class Breaker {
  readonly #recoveryMs: number | undefined;
  readonly #clock: Clock;
  readonly #failures = new Map<string, number>();
  readonly #outUntilMs = new Map<string, number>();

  /** Without a time to recover no pod is ever left out. */
  constructor(recoveryMs: number | undefined, clock: Clock) {
    this.#recoveryMs = recoveryMs;
    this.#clock = clock;
  }

  failed(pod: string): void {
    const failures = (this.#failures.get(pod) ?? 0) + 1;
    this.#failures.set(pod, failures % FAILURES_TO_OPEN);
    if (failures < FAILURES_TO_OPEN || this.#recoveryMs === undefined) return;
    this.#outUntilMs.set(pod, this.#clock.nowMs() + this.#recoveryMs);
  }

  leftOut(): readonly string[] {
    return [...this.#outUntilMs].flatMap(([pod, untilMs]) => (untilMs > this.#clock.nowMs() ? [pod] : []));
  }
}
