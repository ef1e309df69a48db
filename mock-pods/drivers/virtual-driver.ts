import { DrivenEngine, type Driver, type OnStep, type RunListener } from "./driver.ts";
import type { Engine, FastForwardEngine } from "../engine/engine.ts";
import { Timeline } from "./timeline.ts";

const NO_PACE = { catchUp: () => {}, wake: () => {} };

/** Many engines on one timeline that is played as fast as the machine can. */
export class VirtualDriver implements Driver {
  readonly #timeline = new Timeline();
  #engines = 0;

  nowMs(): number {
    return this.#timeline.nowMs();
  }

  at(dueMs: number, action: () => void): () => void {
    return this.#timeline.at(dueMs, action);
  }

  drive(engine: Engine, onStep: OnStep): DrivenEngine {
    return new DrivenEngine(engine, this.#engines++, onStep, this.#timeline, NO_PACE);
  }

  fastForward(engine: FastForwardEngine, onStep: OnStep, runs: RunListener): DrivenEngine {
    return new DrivenEngine(engine, this.#engines++, onStep, this.#timeline, NO_PACE, { engine, ...runs });
  }

  /** Until nothing is planned any more. */
  run(): void {
    while (this.#timeline.runNext(Infinity));
  }

  /** Plays what is due up to and including `untilMs`, which is then the time. */
  runUntil(untilMs: number): void {
    this.#timeline.runUntil(untilMs);
  }
}
