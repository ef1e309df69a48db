import type { KvCacheConfig } from "./kv-cache-manager.ts";

/** vLLM's settings, by vLLM's names. */
export interface SchedulerConfig extends KvCacheConfig {
  readonly maxNumSeqs: number;
  /** Most requests that run, if fewer than `maxNumSeqs`. */
  readonly maxNumActiveSeqs?: number;
  /** Tokens a step may compute. */
  readonly maxNumBatchedTokens: number;
  readonly policy: "fcfs" | "priority";
  /** Part of all blocks kept free when admitting beside running requests. */
  readonly watermark: number;
  /** Most tokens of one request in a step while others are there; 0 is no limit. */
  readonly longPrefillTokenThreshold: number;
  /** That limit never goes below a fair share of the step's tokens. */
  readonly longPrefillTokenThresholdAdaptive?: boolean;
  /** Off, a prompt waits until a step has room for all of it. On if absent. */
  readonly chunkedPrefill?: boolean;
  /** Admit only what fits whole, though only a chunk gets blocks. */
  readonly reserveFullIsl: boolean;
  /** Most LoRA adapters in a step; absent without LoRA. */
  readonly maxLoras?: number;
}
