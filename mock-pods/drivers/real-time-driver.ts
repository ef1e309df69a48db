import { DrivenEngine, type Driver, type OnStep, type Pace, type RunListener } from "./driver.ts";
import type { Engine, FastForwardEngine } from "../engine/engine.ts";
import { Lateness } from "./lateness.ts";
import { Timeline } from "./timeline.ts";

/** Node cuts longer waits to 1 ms. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

/** A browser has neither `setImmediate` nor timers that could keep a process alive. */
const inNode = typeof setImmediate === "function";

/**
 * Many engines on one timeline, paced by one timer for the whole process.
 *
 * Deadlines are absolute: what runs late does not delay what follows, and simulated time stays the plan's. `lateness`
 * says how far the machine fell behind. Waiting never keeps a process alive; work that is due does.
 */
export class RealTimeDriver implements Driver {
  /** Real time between the planned and the actual moment of each action. */
  readonly lateness = new Lateness();
  /** Of the action that runs now, or ran last. */
  lateMs = 0;
  readonly #speed: number;
  readonly #originMs = performance.now();
  readonly #timeline = new Timeline();
  readonly #pace: Pace = { catchUp: () => this.#catchUp(), wake: () => this.#arm() };
  #engines = 0;
  #running = false;
  #closed = false;
  #armedForMs = Infinity;
  #timeout: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;

  /** `speed`: simulated milliseconds per real one. */
  constructor(speed = 1) {
    this.#speed = speed;
  }

  /** Within an action the moment it was planned for, else now. */
  nowMs(): number {
    return this.#running ? this.#timeline.nowMs() : Math.max(this.#timeline.nowMs(), this.#planMs());
  }

  at(dueMs: number, action: () => void): () => void {
    const cancel = this.#timeline.at(dueMs, action);
    this.#arm();
    return cancel;
  }

  drive(engine: Engine, onStep: OnStep): DrivenEngine {
    return new DrivenEngine(engine, this.#engines++, onStep, this.#timeline, this.#pace);
  }

  fastForward(engine: FastForwardEngine, onStep: OnStep, runs: RunListener): DrivenEngine {
    return new DrivenEngine(engine, this.#engines++, onStep, this.#timeline, this.#pace, { engine, ...runs });
  }

  /** Nothing happens any more. */
  close(): void {
    this.#closed = true;
    this.#disarm();
  }

  #planMs(): number {
    return (performance.now() - this.#originMs) * this.#speed;
  }

  #catchUp(): void {
    if (this.#running || this.#closed) return;
    this.#running = true;
    try {
      // Time moves on while actions run: what falls due meanwhile waits for the next turn of the event loop.
      const nowMs = this.#planMs();
      for (;;) {
        const dueMs = this.#timeline.nextDueMs;
        if (dueMs > nowMs) break;
        this.lateMs = Math.max(0, this.#planMs() - dueMs) / this.#speed;
        this.lateness.record(this.lateMs);
        this.#timeline.runNext(nowMs);
      }
      this.#timeline.runUntil(nowMs);
    } finally {
      this.#running = false;
    }
  }

  #arm(): void {
    if (this.#running || this.#closed) return;
    const dueMs = this.#timeline.nextDueMs;
    if (dueMs >= this.#armedForMs) return;
    this.#disarm();
    if (dueMs === Infinity) return;
    this.#armedForMs = dueMs;
    const waitMs = Math.ceil((dueMs - this.#planMs()) / this.#speed);
    // Not unref'd: a loop with only such immediates sleeps until something else wakes it, up to a second later.
    if (waitMs <= 0 && inNode) this.#immediate = setImmediate(() => this.#fire());
    else this.#timeout = setTimeout(() => this.#fire(), Math.min(waitMs, LONGEST_TIMEOUT_MS));
    if (inNode) this.#timeout?.unref();
  }

  #disarm(): void {
    clearTimeout(this.#timeout);
    if (inNode) clearImmediate(this.#immediate);
    this.#timeout = undefined;
    this.#immediate = undefined;
    this.#armedForMs = Infinity;
  }

  #fire(): void {
    this.#disarm();
    this.#catchUp();
    this.#arm();
  }
}
