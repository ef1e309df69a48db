/**
 * Keeps a pod that answers its health check but fails its work out of the way, and lets it back by trial.
 *
 * Only the pod's own failures count: a client error says nothing about a pod, so it neither opens the breaker nor
 * clears the count (sglang #25811, smg #2565).
 */

export interface BreakerOptions {
  /** Failures in a row that open it. */
  readonly failures: number;
  /** How long it stays open before one trial request; doubles with every failed trial, up to 8 times. */
  readonly openMs: number;
}

const MAX_DOUBLINGS = 3;

export class CircuitBreaker {
  readonly #options: BreakerOptions;
  #failuresInARow = 0;
  #doublings = 0;
  #openedMs: number | undefined;
  #trialUnderWay = false;

  constructor(options: BreakerOptions) {
    this.#options = options;
  }

  get state(): "closed" | "open" | "trial" {
    if (this.#openedMs === undefined) return "closed";
    return this.#trialUnderWay ? "trial" : "open";
  }

  /** Whether a request may go to the pod now. */
  allows(nowMs: number): boolean {
    if (this.#openedMs === undefined) return true;
    return !this.#trialUnderWay && nowMs >= this.#openedMs + this.#options.openMs * 2 ** this.#doublings;
  }

  /** The request that `allows` let through was sent. */
  dispatched(): void {
    if (this.#openedMs !== undefined) this.#trialUnderWay = true;
  }

  succeeded(): void {
    this.#failuresInARow = 0;
    this.#doublings = 0;
    this.#openedMs = undefined;
    this.#trialUnderWay = false;
  }

  failed(nowMs: number): void {
    this.#failuresInARow++;
    if (this.#trialUnderWay) this.#doublings = Math.min(MAX_DOUBLINGS, this.#doublings + 1);
    if (this.#trialUnderWay || (this.#openedMs === undefined && this.#failuresInARow >= this.#options.failures)) {
      this.#openedMs = nowMs;
      this.#trialUnderWay = false;
    }
  }

  /** It ended without saying anything about the pod: a client error, or a client that left. */
  neutral(): void {
    this.#trialUnderWay = false;
  }
}
