import type { Clock } from "../fixtures/clock.ts";
import type { Engine, GenerationRequest, StepOutput } from "./engine/engine.ts";
import type { Timeline } from "./timeline.ts";

/** Called at the end of each step, at its simulated time. */
export type OnStep = (output: StepOutput) => void;

/**
 * Lets engines live through time: all at once ({@link VirtualDriver}) or at a clock's pace ({@link RealTimeDriver}).
 * As a clock it tells simulated time, in which router timers and arrivals can be planned too.
 */
export interface Driver extends Clock {
  drive(engine: Engine, onStep: OnStep): DrivenEngine;
}

/** What a driver does around every call from outside. */
export interface Pace {
  /** Before the call: all that is due has happened, and the timeline's time is now. */
  readonly catchUp: () => void;
  /** After the call: something may be due sooner than before. */
  readonly wake: () => void;
}

/**
 * One engine on a timeline. It steps while it has work; requests that come during a step, or at the same instant as
 * others, join the next step together. Aborts free blocks at once.
 */
export class DrivenEngine {
  readonly engine: Engine;
  readonly #timeline: Timeline;
  readonly #lane: number;
  readonly #onStep: OnStep;
  readonly #pace: Pace;
  #cancelNext: (() => void) | undefined;
  #stepping = false;
  #held = false;
  #detached = false;

  constructor(engine: Engine, lane: number, onStep: OnStep, timeline: Timeline, pace: Pace) {
    this.engine = engine;
    this.#lane = lane;
    this.#onStep = onStep;
    this.#timeline = timeline;
    this.#pace = pace;
  }

  submit(request: GenerationRequest): void {
    this.#pace.catchUp();
    this.engine.submit(request, this.#timeline.nowMs());
    if (!this.#held) this.#planStep();
  }

  abort(requestIds: readonly string[]): void {
    this.#pace.catchUp();
    this.engine.abort(requestIds, this.#timeline.nowMs());
    if (!this.#held) this.#planStep();
  }

  resetPrefixCache(preemptRunning: boolean): boolean {
    this.#pace.catchUp();
    const done = this.engine.resetPrefixCache(preemptRunning);
    if (!this.#held) this.#planStep();
    return done;
  }

  /** No step begins from now on; the one in flight ends in its time. */
  hold(): void {
    this.#pace.catchUp();
    this.#held = true;
    if (!this.#stepping) this.#cancelNext?.();
    if (!this.#stepping) this.#cancelNext = undefined;
  }

  release(): void {
    this.#pace.catchUp();
    this.#held = false;
    this.#planStep();
  }

  /** Begins one step, though held; it ends in its time. */
  stepOnce(): void {
    this.#pace.catchUp();
    this.#planStep();
  }

  /** The engine stops for good, its step in flight lost: a crash. */
  detach(): void {
    this.#detached = true;
    this.#cancelNext?.();
  }

  #planStep(): void {
    if (this.#detached || this.#cancelNext !== undefined) return;
    this.#cancelNext = this.#timeline.plan(this.#lane, this.#timeline.nowMs(), () => this.#begin());
    this.#pace.wake();
  }

  #begin(): void {
    const endMs = this.engine.beginStep(this.#timeline.nowMs());
    this.#stepping = endMs !== undefined;
    this.#cancelNext = endMs === undefined ? undefined : this.#timeline.plan(this.#lane, endMs, () => this.#end());
  }

  #end(): void {
    this.#stepping = false;
    this.#cancelNext = undefined;
    this.#onStep(this.engine.endStep());
    if (this.#held || this.#detached || this.#cancelNext !== undefined) return;
    this.#begin();
  }
}
