/** One life of a pod's engine: what the HTTP face and the tests may do to it, with the metrics told of all of it. */
import type { DrivenEngine, Driver } from "./driver.ts";
import type { Engine, EngineStats, GenerationRequest, StepOutput } from "./engine/engine.ts";
import type { PodMetrics } from "./metrics/pod-metrics.ts";
import type { EngineGate } from "./server/engine-gate.ts";

export class PodEngine implements EngineGate {
  readonly #driver: Driver;
  readonly #driven: DrivenEngine;
  readonly #metrics: PodMetrics;
  #heldByTest = false;
  #paused = false;

  constructor(driver: Driver, engine: Engine, metrics: PodMetrics, onStep: (step: StepOutput) => void) {
    this.#driver = driver;
    this.#metrics = metrics;
    this.#driven = driver.drive(engine, (step) => {
      metrics.stepEnded(step);
      onStep(step);
    });
  }

  nowMs(): number {
    return this.#driver.nowMs();
  }

  submit(request: GenerationRequest): void {
    const { id, promptTokenIds, maxTokens, lora } = request;
    const submitted = { id, promptTokens: promptTokenIds.length, maxTokens, ...(lora !== undefined && { lora }) };
    this.#driven.submit(request);
    this.#metrics.submitted(submitted, this.nowMs());
  }

  abort(requestIds: readonly string[]): void {
    this.#driven.abort(requestIds);
    this.#metrics.dropped(requestIds);
  }

  resetPrefixCache(preemptRunning: boolean): boolean {
    return this.#driven.resetPrefixCache(preemptRunning);
  }

  pause(): void {
    this.#paused = true;
    this.#driven.hold();
  }

  resume(): void {
    this.#paused = false;
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

  stats(): EngineStats {
    return this.#driven.engine.stats();
  }

  heldPrefixTokens(promptTokenIds: ArrayLike<number>): number {
    return this.#driven.engine.heldPrefixTokens(promptTokenIds);
  }

  /** The pod dies. */
  stop(): void {
    this.#driven.detach();
  }
}
