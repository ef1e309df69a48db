/**
 * How many second attempts the fleet can stand: a share of the traffic, plus a few a second for a quiet router.
 *
 * Without it, every pod failing at once multiplies the load just when there is least room for it.
 */
export interface RetryBudgetOptions {
  /** Retries earned per request. */
  readonly ratio: number;
  /** Retries allowed in any second whatever the traffic. */
  readonly minPerSecond: number;
}

/** Earned retries do not pile up beyond this many seconds' worth of the minimum. */
const MAX_SECONDS_SAVED = 10;

export class RetryBudget {
  readonly #options: RetryBudgetOptions;
  #earned = 0;
  #reserve: number;
  #refilledMs = 0;

  constructor(options: RetryBudgetOptions) {
    this.#options = options;
    this.#reserve = options.minPerSecond;
  }

  requestArrived(): void {
    const most = Math.max(1, this.#options.minPerSecond) * MAX_SECONDS_SAVED;
    this.#earned = Math.min(most, this.#earned + this.#options.ratio);
  }

  /** Takes one retry out of the budget; false when there is none left. */
  spend(nowMs: number): boolean {
    const { minPerSecond } = this.#options;
    const refill = ((nowMs - this.#refilledMs) / 1000) * minPerSecond;
    this.#reserve = Math.min(minPerSecond, this.#reserve + Math.max(0, refill));
    this.#refilledMs = nowMs;
    if (this.#earned >= 1) this.#earned -= 1;
    else if (this.#reserve >= 1) this.#reserve -= 1;
    else return false;
    return true;
  }
}
