/**
 * The fixed time that a router is declared to need, after a start and after a pod came, until its rule holds.
 *
 * It passes while the kit does other things, and only who judges by the rule waits for what is left of it.
 */
export interface DeclaredSettle {
  readonly afterStartMs?: number;
  readonly afterAddMs?: number;
  /** For the report. */
  readonly why: string;
}

export class Settling {
  readonly #declared: Partial<DeclaredSettle>;
  readonly #nowMs: () => number;
  #untilMs = -Infinity;

  constructor(declared: DeclaredSettle | undefined, nowMs: () => number = () => performance.now()) {
    this.#declared = declared ?? {};
    this.#nowMs = nowMs;
  }

  started(): void {
    this.#extend(this.#declared.afterStartMs);
  }

  podsCame(): void {
    this.#extend(this.#declared.afterAddMs);
  }

  /** What is left of it now, in milliseconds; 0 when it is over. */
  leftMs(): number {
    return Math.max(0, this.#untilMs - this.#nowMs());
  }

  #extend(byMs = 0): void {
    this.#untilMs = Math.max(this.#untilMs, this.#nowMs() + byMs);
  }
}
