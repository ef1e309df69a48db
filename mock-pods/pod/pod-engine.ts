/** One life of a pod's engine: what the HTTP face and the tests may do to it, with the metrics told of all of it. */
import type { DrivenEngine, Driver, OnStep, RunListener } from "../drivers/driver.ts";
import type { EngineInspection, EngineStats, FastForwardEngine, GenerationRequest } from "../engine/engine.ts";
import type { CallGroup } from "../metrics/live-request.ts";
import type { PodMetrics, Wakefulness } from "../metrics/pod-metrics.ts";
import type { SleepOperation } from "../metrics/sleep-metrics.ts";
import type { EngineGate } from "../server/engine-gate.ts";

/** A clock's driver says how late it is. */
export type PacedDriver = Driver & { readonly lateMs: number };

/** Hears of every step: of uneventful ones, if it follows them, in short. */
export interface StepListener {
  readonly onStep: OnStep;
  readonly follow?: RunListener["follow"];
}

export class PodEngine implements EngineGate {
  readonly #driver: PacedDriver;
  readonly #driven: DrivenEngine;
  readonly #metrics: () => PodMetrics;
  /** As the last step left it. */
  #toldStats: EngineStats;
  #heldByTest = false;
  #paused = false;
  #onDrained: (() => void)[] = [];

  constructor(driver: PacedDriver, engine: FastForwardEngine, metrics: () => PodMetrics, listener: StepListener) {
    this.#driver = driver;
    this.#metrics = metrics;
    this.#toldStats = engine.stats();
    const { follow } = listener;
    const onStep: OnStep = (step) => {
      this.#toldStats = engine.stats();
      metrics().stepEnded(step);
      metrics().stepped(driver.lateMs / 1000);
      listener.onStep(step);
      if (this.#toldStats.running === 0) for (const drained of this.#onDrained.splice(0)) drained();
    };
    if (follow === undefined) {
      this.#driven = driver.drive(engine, onStep);
      return;
    }
    this.#driven = driver.fastForward(engine, onStep, {
      follow: (plan) => {
        const tell = follow(plan);
        return (step) => {
          metrics().stepped(driver.lateMs / 1000);
          tell(step);
        };
      },
      onRun: (run) => {
        this.#toldStats = engine.stats();
        metrics().runEnded(run);
      },
    });
  }

  nowMs(): number {
    return this.#driver.nowMs();
  }

  submit(request: GenerationRequest, group?: CallGroup): void {
    // The first request builds the engine, which takes longer than a step at a high speed.
    const arrivedMs = this.nowMs();
    this.#driven.submit(request);
    this.#metrics().submitted(request, group, arrivedMs);
  }

  abort(requestIds: readonly string[], as?: "stop" | "abort"): void {
    this.#driven.abort(requestIds);
    if (as === undefined) this.#metrics().dropped(requestIds);
    else this.#metrics().ended(requestIds, as, this.nowMs());
  }

  refused(reason: "max_num_queued_reqs" | "max_num_queued_tokens"): void {
    this.#metrics().refused(reason);
  }

  slept(operation: SleepOperation, awake: Wakefulness | undefined, durationMs: number): void {
    this.#metrics().slept(operation, awake, durationMs);
  }

  betweenSteps<T>(action: () => T): Promise<T> {
    return new Promise((resolve) => this.#driven.betweenSteps(() => resolve(action())));
  }

  resetPrefixCache(preemptRunning: boolean): Promise<boolean> {
    return new Promise((resolve) =>
      this.#driven.betweenSteps((engine) => {
        if (preemptRunning) this.#metrics().preempted(engine.inspect().running);
        resolve(engine.resetPrefixCache(preemptRunning));
      }),
    );
  }

  drain(): Promise<void> {
    this.#driven.setAdmitting(false);
    if (this.stats().running === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onDrained.push(resolve));
  }

  pause(): void {
    this.#paused = true;
    this.#driven.hold();
  }

  resume(): void {
    this.#paused = false;
    this.#driven.setAdmitting(true);
    if (!this.#heldByTest) this.#driven.release();
  }

  hold(): void {
    this.#heldByTest = true;
    this.#driven.hold();
  }

  release(): void {
    this.#heldByTest = false;
    if (!this.#paused) this.#driven.release();
  }

  stepOnce(): void {
    this.#driven.stepOnce();
  }

  /** Takes blocks out of use; those waiting for blocks are looked at again. */
  withhold(blocks: number): void {
    this.#driven.engine.withhold(blocks);
    if (!this.#heldByTest && !this.#paused) this.#driven.release();
  }

  stats(): EngineStats {
    return this.#driven.engine.stats();
  }

  /** vLLM's front end hears of its engine at the end of a step. A pod held by a test, where none ends, tells what is. */
  toldStats(): EngineStats {
    this.settle();
    return this.#heldByTest ? this.stats() : this.#toldStats;
  }

  /** What ran ahead is made and told up to now. */
  settle(): void {
    this.#driven.settle();
  }

  inspect(): EngineInspection {
    return this.#driven.engine.inspect();
  }

  heldPrefixTokens(promptTokenIds: ArrayLike<number>): number {
    return this.#driven.engine.heldPrefixTokens(promptTokenIds);
  }

  /** The pod dies. */
  stop(): void {
    this.#driven.detach();
  }
}
