/** Ends a case before its traffic does: its verdict is settled, or its time is up. */
import type { Judgement } from "./judgement.ts";

export class CaseEnd {
  readonly #come = Promise.withResolvers<void>();
  #judgement: Judgement | undefined;
  #isOver = false;

  /** The first one stands. */
  settle(judgement: Judgement): void {
    this.#judgement ??= judgement;
    this.stop();
  }

  /** From now on no call of the lab resolves: traffic that goes on would reach the next case. */
  stop(): void {
    this.#isOver = true;
    this.#come.resolve();
  }

  get judgement(): Judgement | undefined {
    return this.#judgement;
  }

  /** Resolves when the case is over. */
  get come(): Promise<void> {
    return this.#come.promise;
  }

  /** For every call of a lab to begin with. */
  goesOn(): Promise<void> {
    return this.#isOver ? new Promise(() => undefined) : Promise.resolve();
  }
}
