/**
 * The engine's face: what a pod's shell and the simulator may ask of it. Pure and synchronous; time is an argument.
 *
 * A step has two halves, as in vLLM's engine core: `beginStep` schedules and says when the step ends; `endStep` hands out
 * what it produced. Requests submitted in between wait for the next step. An abort in between frees blocks at once, and
 * what the step computes for it is dropped.
 */
import type { TokenRuns } from "../../fixtures/traces/trace.ts";

/** As vLLM's LoRARequest. */
export interface LoraAdapter {
  /** From 1, a new one with each loading. */
  readonly id: number;
  readonly name: string;
  readonly path: string;
}

/** Under `priority`, vLLM goes by request ids, as text, among those that arrived at the same time. */
export interface CallShare {
  /** The same for all requests of the call, which are submitted one after the other. */
  readonly number: number;
  readonly requestId: string;
}

export interface GenerationRequest {
  readonly id: string;
  /** As runs, a long prompt is written out only when its blocks are hashed. */
  readonly promptTokenIds: ArrayLike<number> | TokenRuns;
  /** At least 1. */
  readonly maxTokens: number;
  /** Natural end: the request stops (finish reason `stop`) after this many tokens if `maxTokens` allows. */
  readonly stopAfterTokens?: number;
  /** The k-th generated token id, k from 0. Must be a pure function of k. */
  readonly sample: (index: number) => number;
  /** An empty one is none. */
  readonly cacheSalt?: string;
  readonly lora?: LoraAdapter;
  /** Lower runs first under the `priority` policy. */
  readonly priority?: number;
  /** Where one call makes several requests (samples, prompts): they arrive at the same time. */
  readonly call?: CallShare;
  /** vLLM skips the cache lookup for requests with prompt logprobs. */
  readonly skipPrefixLookup?: boolean;
}

export type FinishReason = "stop" | "length" | "abort";

export interface TokenOutput {
  readonly requestId: string;
  /** From 0. */
  readonly index: number;
  readonly tokenId: number;
  readonly finishReason?: FinishReason;
}

export interface Admission {
  readonly requestId: string;
  /** Prompt tokens found in the prefix cache. */
  readonly cachedTokens: number;
  /** True when it comes back after a preemption. */
  readonly resumed: boolean;
}

export type KvEvent =
  | {
      readonly kind: "stored";
      readonly hashes: readonly BlockHash[];
      readonly parent: BlockHash | null;
      readonly tokenIds: readonly number[];
      readonly cacheSalt?: string;
      readonly lora?: LoraAdapter;
    }
  | { readonly kind: "removed"; readonly hashes: readonly BlockHash[] }
  | { readonly kind: "cleared" };

/** Identifies a block's content together with everything before it. */
export type BlockHash = number | bigint | string;

export interface StepOutput {
  readonly startMs: number;
  readonly endMs: number;
  /** `[request id, tokens computed]`, in scheduling order. */
  readonly scheduled: readonly (readonly [string, number])[];
  readonly admitted: readonly Admission[];
  readonly preempted: readonly string[];
  /** In scheduling order; the last output of a request carries its finish reason. */
  readonly tokens: readonly TokenOutput[];
  readonly kvEvents: readonly KvEvent[];
}

/** Gauges and counters, as vLLM's /metrics means them. */
export interface EngineStats {
  readonly running: number;
  readonly waiting: number;
  /** Of those that wait, how many have been passed over for want of a LoRA slot. */
  readonly deferred: number;
  /** Referenced blocks over usable blocks, 0 to 1. Cached but unreferenced blocks do not count. */
  readonly kvUsageRatio: number;
  readonly prefixQueriesTokens: number;
  readonly prefixHitsTokens: number;
  readonly preemptions: number;
  readonly freeBlocks: number;
  readonly totalBlocks: number;
}

/**
 * Steps in which nothing will happen but one more token for each running request: no first token, no end, no preemption.
 * An arrival or an abort cuts them short.
 */
export interface DecodePlan {
  readonly startMs: number;
  readonly stepEndsMs: readonly number[];
  /** In scheduling order. */
  readonly requests: readonly GenerationRequest[];
  /** Index of the first token each request gets, by position in `requests`. */
  readonly firstIndexes: readonly number[];
}

/** The steps of a plan that were made. {@link ./decode-run.ts} tells them one by one. */
export interface DecodeRun extends DecodePlan {
  /** By step; empty while events are off. */
  readonly kvEvents: readonly (readonly KvEvent[])[];
}

/** One KV block that holds something. */
export interface BlockView {
  /** Its number; 0 is the null block and never shown. */
  readonly block: number;
  /** 16 hex digits, as KV events carry it as an integer; absent while the block is not full. */
  readonly hash?: string;
  /** Requests that refer to it. */
  readonly references: number;
  /** Blocks that will be taken before it; absent while it is referred to. */
  readonly reuseRank?: number;
}

/** A look inside, for tests. */
export interface EngineInspection {
  /** Request ids in running order. */
  readonly running: readonly string[];
  /** Request ids in the order in which they will be admitted. */
  readonly waiting: readonly string[];
  /** Referenced or cached blocks, by number. */
  readonly blocks: readonly BlockView[];
}

export interface Engine {
  submit(request: GenerationRequest, nowMs: number): void;
  /** Unknown and finished ids are ignored. */
  abort(requestIds: readonly string[], nowMs: number): void;
  /** False, and nothing done, while blocks are in use (unless `preemptRunning`). */
  resetPrefixCache(preemptRunning: boolean): boolean;
  /** Whether those that wait may come in. */
  setAdmitting(admitting: boolean): void;
  /** Schedules the next step. Returns its end, or undefined when there is nothing to do. */
  beginStep(nowMs: number): number | undefined;
  /** Ends the step begun last. */
  endStep(): StepOutput;
  stats(): EngineStats;
  /** Takes so many blocks out of use, free ones first and others as they become free; 0 gives all of them back. */
  withhold(blocks: number): void;
  /** Copies; costs time in proportion to what there is to see. */
  inspect(): EngineInspection;
  /** Leading prompt tokens held in the cache now, whole blocks, without touching anything. */
  heldPrefixTokens(promptTokenIds: ArrayLike<number>, extra?: Pick<GenerationRequest, "cacheSalt" | "lora">): number;
}

/** An engine that can skip ahead while nothing changes. */
export interface FastForwardEngine extends Engine {
  /** Begins a run of uneventful steps; undefined, and nothing begun, when the next step may be eventful. */
  beginRun(nowMs: number): DecodePlan | undefined;
  /** Ends the run: so many of its steps were made, from the first on. */
  endRun(steps: number): DecodeRun;
}
