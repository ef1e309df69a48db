/** What playing a trace leaves behind, whether under virtual time or over sockets. */
import type { EngineStats } from "../../mock-pods/engine/engine.ts";

/** What became of one request. Times are simulated ones. */
export interface PlayedRequest {
  readonly requestId: string;
  /** Null when the router found no pod, or did not answer. */
  readonly pod: string | null;
  /** The router's, where it gives one. */
  readonly reason?: string;
  readonly promptTokens: number;
  readonly replyTokens: number;
  /** Answered with an error, as vLLM does when the prompt is as long as its context. */
  readonly refused: boolean;
  readonly arrivedMs: number;
  /** Prompt tokens found in the pod's cache at the first admission. */
  cachedTokens: number;
  /** Not a number until it happens. */
  firstTokenMs: number;
  finishedMs: number;
}

export interface PlayedPod {
  readonly name: string;
  readonly stats: Pick<EngineStats, "prefixQueriesTokens" | "prefixHitsTokens" | "preemptions">;
}

export interface Played {
  readonly requests: readonly PlayedRequest[];
  readonly pods: readonly PlayedPod[];
}
