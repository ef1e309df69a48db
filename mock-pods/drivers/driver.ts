import type { Clock } from "../../fixtures/clock.ts";
import type { DecodeRun, Engine, FastForwardEngine, GenerationRequest, StepOutput } from "../engine/engine.ts";
import type { Timeline } from "./timeline.ts";

/** Called at the end of each step, at its simulated time. */
export type OnStep = (output: StepOutput) => void;

/**
 * Skips ahead through runs of uneventful steps, which are then told all at once: at the run's end, or when something from
 * outside cuts it short. `onRun` must not call the engine.
 */
export interface FastForward {
  readonly engine: FastForwardEngine;
  readonly onRun: (run: DecodeRun) => void;
}

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
  readonly #engine: Engine;
  readonly #timeline: Timeline;
  readonly #lane: number;
  readonly #onStep: OnStep;
  readonly #pace: Pace;
  readonly #fastForward: FastForward | undefined;
  #cancelNext: (() => void) | undefined;
  #state: "idle" | "stepping" | "running ahead" = "idle";
  #held = false;
  #detached = false;
  /** What waits for the end of the step in flight. */
  #waiting: ((engine: Engine) => void)[] = [];

  constructor(engine: Engine, lane: number, onStep: OnStep, timeline: Timeline, pace: Pace, fastForward?: FastForward) {
    this.#engine = engine;
    this.#lane = lane;
    this.#onStep = onStep;
    this.#timeline = timeline;
    this.#pace = pace;
    this.#fastForward = fastForward;
  }

  /** As it is now; to look, not to change. */
  get engine(): Engine {
    this.#settle();
    return this.#engine;
  }

  submit(request: GenerationRequest): void {
    this.#settle();
    this.#engine.submit(request, this.#timeline.nowMs());
    if (!this.#held) this.#planStep();
  }

  abort(requestIds: readonly string[]): void {
    this.#settle();
    this.#engine.abort(requestIds, this.#timeline.nowMs());
    if (!this.#held) this.#planStep();
  }

  /** When the step in flight has ended and is told, before the next: vLLM's engine looks at all calls but aborts then. */
  betweenSteps(action: (engine: Engine) => void): void {
    this.#settle();
    if (this.#state === "stepping") return void this.#waiting.push(action);
    action(this.#engine);
    if (!this.#held) this.#planStep();
  }

  setAdmitting(admitting: boolean): void {
    this.#settle();
    this.#engine.setAdmitting(admitting);
    if (!this.#held) this.#planStep();
  }

  /** No step begins from now on; the one in flight ends in its time. */
  hold(): void {
    this.#settle();
    this.#held = true;
    if (this.#state === "idle") this.#cancel();
  }

  release(): void {
    this.#settle();
    this.#held = false;
    this.#planStep();
  }

  /** Begins one step, though held; it ends in its time. */
  stepOnce(): void {
    this.#settle();
    this.#planStep();
  }

  /** The engine stops for good, its step in flight lost: a crash. */
  detach(): void {
    this.#settle();
    this.#detached = true;
    this.#cancel();
  }

  #planStep(): void {
    if (this.#detached || this.#cancelNext !== undefined) return;
    this.#plan(this.#timeline.nowMs(), () => this.#begin(this.#timeline.nowMs()));
    this.#pace.wake();
  }

  #plan(dueMs: number, action: () => void): void {
    this.#cancelNext = this.#timeline.plan(this.#lane, dueMs, () => {
      this.#cancelNext = undefined;
      action();
    });
  }

  #cancel(): void {
    this.#cancelNext?.();
    this.#cancelNext = undefined;
  }

  /** `atMs` is in the past where a run was cut short. */
  #begin(atMs: number): void {
    const runOverMs = this.#held ? undefined : this.#fastForward?.engine.beginRun(atMs);
    if (runOverMs === undefined) return this.#beginStep(atMs);
    this.#state = "running ahead";
    this.#plan(runOverMs, () => this.#begin(this.#endRun(true)));
  }

  #beginStep(atMs: number): void {
    const endMs = this.#engine.beginStep(atMs);
    this.#state = endMs === undefined ? "idle" : "stepping";
    if (endMs !== undefined) this.#plan(endMs, () => this.#end());
  }

  #end(): void {
    this.#state = "idle";
    this.#onStep(this.#engine.endStep());
    for (const action of this.#waiting.splice(0)) action(this.#engine);
    if (this.#held || this.#detached || this.#cancelNext !== undefined) return;
    this.#begin(this.#timeline.nowMs());
  }

  /** Makes all that is due happen, so that the engine is as it would be had it made every step in its time. */
  #settle(): void {
    this.#pace.catchUp();
    if (this.#state !== "running ahead") return;
    this.#cancel();
    this.#beginStep(this.#endRun(this.#timeline.hasPassed(this.#lane)));
  }

  /** Tells the run up to now; returns the end of its last step. */
  #endRun(inclusive: boolean): number {
    const { engine, onRun } = this.#fastForward as FastForward;
    const run = engine.endRun(this.#timeline.nowMs(), inclusive);
    if (run.stepEndsMs.length > 0) onRun(run);
    return run.stepEndsMs.at(-1) ?? run.startMs;
  }
}
