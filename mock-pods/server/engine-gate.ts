/** What the HTTP face asks of whatever drives the engine. The driver hands every finished step to `PodFace.onStep`. */
import type { EngineStats, GenerationRequest } from "../engine/engine.ts";

export interface EngineGate {
  /** Simulated milliseconds. */
  nowMs(): number;
  submit(request: GenerationRequest): void;
  /** Frees their blocks at once. Unknown and finished ids are ignored. */
  abort(requestIds: readonly string[]): void;
  /** False, and nothing done, while blocks are in use (unless `preemptRunning`). */
  resetPrefixCache(preemptRunning: boolean): boolean;
  /** Steps stop; requests queue. Independent of a test's `hold`. */
  pause(): void;
  resume(): void;
  stats(): EngineStats;
}
