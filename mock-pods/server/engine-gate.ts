/** What the HTTP face asks of whatever drives the engine. The driver hands every finished step to `PodFace.onStep`. */
import type { EngineStats, GenerationRequest } from "../engine/engine.ts";
import type { CallGroup } from "../metrics/live-request.ts";
import type { Wakefulness } from "../metrics/pod-metrics.ts";
import type { SleepOperation } from "../metrics/sleep-metrics.ts";

export interface EngineGate {
  /** Simulated milliseconds. */
  nowMs(): number;
  /** `group` counts the n outputs of one prompt together: one object for all of them. */
  submit(request: GenerationRequest, group?: CallGroup): void;
  /**
   * Frees their blocks at once. Unknown and finished ids are ignored. `as` is how the metrics count them: `stop` for a
   * stop string that the front end found, `abort` for the engine's own abort, absent for a client that left, which vLLM
   * 0.32 does not count.
   */
  abort(requestIds: readonly string[], as?: "stop" | "abort"): void;
  /** A call was refused by a queue cap. */
  refused(reason: "max_num_queued_reqs" | "max_num_queued_tokens"): void;
  /** A `/sleep` or `/wake_up` is done; `awake` is how it is then, undefined for as before. */
  slept(operation: SleepOperation, awake: Wakefulness | undefined, durationMs: number): void;
  /** When no step is in flight: at once, or at its end. */
  betweenSteps<T>(action: () => T): Promise<T>;
  /** Between steps. False, and nothing done, while blocks are in use (unless `preemptRunning`). */
  resetPrefixCache(preemptRunning: boolean): Promise<boolean>;
  /** Requests queue, and what runs goes on; resolves when nothing runs. Until `resume`. */
  drain(): Promise<void>;
  /** Steps stop; requests queue. Independent of a test's `hold`. */
  pause(): void;
  resume(): void;
  /** As far as the front end has heard: at the end of the last step. */
  toldStats(): EngineStats;
}
