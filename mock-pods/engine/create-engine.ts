import type { LatencyProfile } from "../../fixtures/profiles/latency-profile.ts";
import { assertPodClock } from "../../fixtures/profiles/pod-clock.ts";
import type {
  DecodePlan,
  EngineStats,
  FastForwardEngine,
  GenerationRequest,
  KvEvent,
  StepOutput,
  TokenOutput,
} from "./engine.ts";
import { LatencyModel, type StepNoise } from "./latency-model.ts";
import { Scheduler } from "./scheduler.ts";
import type { SchedulerConfig } from "./scheduler-config.ts";

export interface EngineConfig extends SchedulerConfig {
  /** Off by default: events cost time and memory. */
  readonly kvEvents?: boolean;
}

/**
 * vLLM 0.32's defaults on a card below 70 GiB. `numGpuBlocks` and `maxModelLen` depend on card and model: see
 * `fixtures/profiles/kv-capacity.ts`.
 */
export const ENGINE_DEFAULTS = {
  blockSize: 16,
  maxNumSeqs: 256,
  maxNumBatchedTokens: 2048,
  prefixCaching: true,
  policy: "fcfs",
  watermark: 0,
  longPrefillTokenThreshold: 0,
  reserveFullIsl: true,
} as const satisfies Partial<EngineConfig>;

/** A pod's engine: vLLM's scheduler with a card's latency. Throws USAGE for a card or curve no pod could have. */
export function createEngine(config: EngineConfig, profile: LatencyProfile, noise?: StepNoise): FastForwardEngine {
  assertPodClock(profile);
  let kvEvents: KvEvent[] = [];
  const emit = config.kvEvents === true ? (event: KvEvent) => void kvEvents.push(event) : undefined;
  const scheduler = new Scheduler(config, emit);
  const latency = new LatencyModel(profile, noise);
  let begun: Omit<StepOutput, "scheduled" | "tokens" | "kvEvents"> | undefined;
  let plan: DecodePlan | undefined;
  const takeEvents = (): KvEvent[] => {
    const events = kvEvents;
    kvEvents = [];
    return events;
  };

  return {
    submit: (request: GenerationRequest) => scheduler.add(request),
    abort: (requestIds) => scheduler.abort(requestIds),
    resetPrefixCache(preemptRunning) {
      if (preemptRunning) scheduler.preemptRunning();
      return scheduler.kv.pool.reset();
    },
    setAdmitting(admitting) {
      scheduler.admitting = admitting;
    },
    beginStep(nowMs) {
      if (begun !== undefined) throw new Error("beginStep before the step in flight has ended");
      if (!scheduler.hasWork) return undefined;
      const hadDepartures = scheduler.running + scheduler.waiting === 0;
      const step = scheduler.schedule();
      // A head of the queue that never fits would otherwise make empty steps for ever.
      if (step.sequences.length === 0 && step.preempted.length === 0 && !hadDepartures) return undefined;
      begun = {
        startMs: nowMs,
        endMs: nowMs + latency.stepMs(step),
        admitted: step.admitted,
        preempted: step.preempted,
      };
      return begun.endMs;
    },
    endStep() {
      if (begun === undefined) throw new Error("endStep without a step in flight");
      const tokens: TokenOutput[] = [];
      scheduler.complete(tokens);
      const { step } = scheduler;
      const scheduled = step.sequences.map(({ id }, index) => [id, step.tokens[index] as number] as const);
      const output = { ...begun, scheduled, tokens, kvEvents: takeEvents() };
      begun = undefined;
      return output;
    },
    beginRun(nowMs) {
      const steps = scheduler.quietSteps;
      // A run of one step saves nothing.
      if (steps < 2) return undefined;
      plan = {
        startMs: nowMs,
        stepEndsMs: latency.decodeEndsMs(scheduler.running, scheduler.nextContextTokens, steps, nowMs),
        requests: scheduler.runningRequests,
        firstIndexes: scheduler.nextIndexes,
      };
      return plan;
    },
    endRun(steps) {
      if (plan === undefined) throw new Error("endRun without a run");
      const made = { ...plan, stepEndsMs: plan.stepEndsMs.slice(0, steps) };
      plan = undefined;
      latency.spend(steps);
      const stepEvents: KvEvent[][] = [];
      if (emit === undefined) {
        scheduler.decodeQuietly(steps);
      } else {
        for (let step = 0; step < steps; step++) {
          scheduler.decodeQuietly(1);
          stepEvents.push(takeEvents());
        }
      }
      return { ...made, kvEvents: stepEvents };
    },
    stats: () => statsOf(scheduler),
    withhold: (blocks) => scheduler.kv.pool.withhold(blocks),
    inspect: () => ({
      running: scheduler.runningIds(),
      waiting: scheduler.waitingIds(),
      blocks: scheduler.kv.pool.views(),
    }),
    heldPrefixTokens: (promptTokenIds, extra) => scheduler.kv.heldTokens(promptTokenIds, extra ?? {}),
  };
}

function statsOf(scheduler: Scheduler): EngineStats {
  const { pool } = scheduler.kv;
  return {
    running: scheduler.running,
    waiting: scheduler.waiting,
    deferred: scheduler.deferred,
    kvUsageRatio: 1 - pool.freeBlocks / pool.usableBlocks,
    prefixQueriesTokens: scheduler.admission.lookups.queriedTokens,
    prefixHitsTokens: scheduler.admission.lookups.hitTokens,
    preemptions: scheduler.preemptions,
    freeBlocks: pool.freeBlocks,
    totalBlocks: pool.usableBlocks,
  };
}
