import type { Clock } from "../../fixtures/clock.ts";
import type {
  DecodePlan,
  DecodeRun,
  Engine,
  FastForwardEngine,
  GenerationRequest,
  StepOutput,
} from "../engine/engine.ts";
import type { Timeline } from "./timeline.ts";

/** Called at the end of each step, at its simulated time. */
export type OnStep = (output: StepOutput) => void;

/** Hears of runs of uneventful steps, through which the engine skips. */
export interface RunListener {
  /**
   * A run begins. What it returns hears of each step as it ends, as {@link OnStep} would, and may call the engine, which
   * cuts the run short behind this step.
   */
  readonly follow?: (plan: DecodePlan) => (step: number) => void;
  /** A run is over, or something from outside cut it short: all its steps at once. Must not call the engine. */
  readonly onRun: (run: DecodeRun) => void;
}

export interface FastForward extends RunListener {
  readonly engine: FastForwardEngine;
}

/**
 * Lets engines live through time: all at once ({@link VirtualDriver}) or at a clock's pace ({@link RealTimeDriver}).
 * As a clock it tells simulated time, in which router timers and arrivals can be planned too.
 */
export interface Driver extends Clock {
  drive(engine: Engine, onStep: OnStep): DrivenEngine;
  /** As {@link drive}, but skips through runs of uneventful steps. It changes nothing that can be observed. */
  fastForward(engine: FastForwardEngine, onStep: OnStep, runs: RunListener): DrivenEngine;
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
  #stepping = false;
  /** While it runs ahead. */
  #ahead: DecodePlan | undefined;
  /** Somebody hears of a step of it just now. */
  #following = false;
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
    this.settle();
    return this.#engine;
  }

  submit(request: GenerationRequest): void {
    this.settle();
    this.#engine.submit(request, this.#timeline.nowMs());
    if (!this.#held) this.#planStep();
  }

  abort(requestIds: readonly string[]): void {
    this.settle();
    this.#engine.abort(requestIds, this.#timeline.nowMs());
    if (!this.#held) this.#planStep();
  }

  /** When the step in flight has ended and is told, before the next: vLLM's engine looks at all calls but aborts then. */
  betweenSteps(action: (engine: Engine) => void): void {
    this.settle();
    if (this.#stepping) return void this.#waiting.push(action);
    action(this.#engine);
    if (!this.#held) this.#planStep();
  }

  setAdmitting(admitting: boolean): void {
    this.settle();
    this.#engine.setAdmitting(admitting);
    if (!this.#held) this.#planStep();
  }

  /** No step begins from now on; the one in flight ends in its time. */
  hold(): void {
    this.settle();
    this.#held = true;
    if (!this.#stepping) this.#cancel();
  }

  release(): void {
    this.settle();
    this.#held = false;
    this.#planStep();
  }

  /** Begins one step, though held; it ends in its time. */
  stepOnce(): void {
    this.settle();
    this.#planStep();
  }

  /** The engine stops for good, its step in flight lost: a crash. */
  detach(): void {
    this.settle();
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
    const ahead = this.#held ? undefined : this.#fastForward?.engine.beginRun(atMs);
    if (ahead === undefined) return this.#beginStep(atMs);
    this.#ahead = ahead;
    const tell = this.#fastForward?.follow?.(ahead);
    if (tell === undefined) this.#plan(ahead.stepEndsMs.at(-1) as number, () => this.#begin(this.#endRun(true)));
    else this.#follow(ahead, tell, 0);
  }

  #follow(ahead: DecodePlan, tell: (step: number) => void, step: number): void {
    this.#plan(ahead.stepEndsMs[step] as number, () => {
      this.#following = true;
      tell(step);
      this.#following = false;
      if (this.#ahead !== ahead) this.#goOn();
      else if (step + 1 < ahead.stepEndsMs.length) this.#follow(ahead, tell, step + 1);
      else this.#begin(this.#endRun(true));
    });
  }

  #beginStep(atMs: number): void {
    const endMs = this.#engine.beginStep(atMs);
    this.#stepping = endMs !== undefined;
    if (endMs !== undefined) this.#plan(endMs, () => this.#end());
  }

  #end(): void {
    this.#stepping = false;
    this.#onStep(this.#engine.endStep());
    for (const action of this.#waiting.splice(0)) action(this.#engine);
    this.#goOn();
  }

  /** After a step, and what it brought about. */
  #goOn(): void {
    if (this.#held || this.#detached || this.#cancelNext !== undefined) return;
    this.#begin(this.#timeline.nowMs());
  }

  /** Makes all that is due happen, so that the engine is as it would be had it made every step in its time. */
  settle(): void {
    this.#pace.catchUp();
    if (this.#ahead === undefined) return;
    this.#cancel();
    const endMs = this.#endRun(this.#following || this.#timeline.hasPassed(this.#lane));
    // Between a step and the next, who hears of the one may still change the other.
    if (!this.#following) this.#beginStep(endMs);
  }

  /** Tells the run up to now, with the steps that end before it or, if `inclusive`, just now. Returns the end of its last. */
  #endRun(inclusive: boolean): number {
    const { engine, onRun } = this.#fastForward as FastForward;
    const { startMs, stepEndsMs } = this.#ahead as DecodePlan;
    const nowMs = this.#timeline.nowMs();
    let steps = stepEndsMs.length;
    for (; steps > 0; steps--) {
      const endMs = stepEndsMs[steps - 1] as number;
      if (endMs < nowMs || (endMs === nowMs && inclusive)) break;
    }
    this.#ahead = undefined;
    const run = engine.endRun(steps);
    if (steps > 0) onRun(run);
    return stepEndsMs[steps - 1] ?? startMs;
  }
}
