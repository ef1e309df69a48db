/** What is counted of a request until it ends. Times are the pod's simulated milliseconds. */
import type { GenerationRequest } from "../engine/engine.ts";

/** The n outputs that one prompt asked for; vLLM observes `n` and the longest output once all have ended. */
export interface CallGroup {
  readonly n: number;
  open: number;
  longestTokens: number;
}

/** What a token changes comes first, together. */
export interface LiveRequest {
  readonly id: string;
  firstTokenMs: number | undefined;
  lastTokenMs: number;
  outputTokens: number;
  untoldPreemptions: number;
  readonly promptTokens: number;
  readonly maxTokens: number;
  readonly arrivedMs: number;
  readonly group: CallGroup | undefined;
  readonly lora: string | undefined;
  cachedTokens: number;
  scheduledMs: number | undefined;
  preemptions: number;
}

export function liveRequest(
  { id, promptTokenIds, maxTokens, lora }: GenerationRequest,
  group: CallGroup | undefined,
  nowMs: number,
): LiveRequest {
  return {
    id,
    firstTokenMs: undefined,
    lastTokenMs: nowMs,
    outputTokens: 0,
    untoldPreemptions: 0,
    promptTokens: promptTokenIds.length,
    maxTokens,
    arrivedMs: nowMs,
    group,
    lora: lora?.name,
    cachedTokens: 0,
    scheduledMs: undefined,
    preemptions: 0,
  };
}
