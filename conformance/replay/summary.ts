/** What a played trace comes to, as plain JSON. */
import type { Played, PlayedRequest } from "./played.ts";

export interface Percentiles {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
}

export interface ReplaySummary {
  readonly strategy: string;
  readonly requests: number;
  /** Requests longer than the pod's context. */
  readonly refused: number;
  readonly promptTokens: number;
  /** Cached over queried prompt tokens at first admission, as vLLM's prefix cache counters give it. */
  readonly prefixHitRatio: number;
  readonly ttftMs: Percentiles;
  readonly endToEndMs: Percentiles;
  /** Time at work of the busiest pod over the mean: 1 is even, the number of pods is all on one. */
  readonly imbalance: number;
  readonly preemptions: number;
  /** From the first arrival to the last token, simulated. */
  readonly durationMs: number;
  readonly pods: readonly PodSummary[];
}

export interface PodSummary {
  readonly name: string;
  readonly requests: number;
  /** Time during which it had a request to answer. */
  readonly busyMs: number;
}

export function summarise(strategy: string, { requests, pods }: Played): ReplaySummary {
  const answered = requests.filter(({ finishedMs }) => !Number.isNaN(finishedMs));
  const queriedTokens = sum(pods.map(({ stats }) => stats.prefixQueriesTokens));
  const podSummaries = pods.map(({ name }): PodSummary => {
    const own = answered.filter(({ pod }) => pod === name);
    return { name, requests: own.length, busyMs: coveredMs(own) };
  });
  const busyMs = podSummaries.map((pod) => pod.busyMs);
  const meanBusyMs = sum(busyMs) / pods.length;
  const startMs = requests[0]?.arrivedMs ?? 0;
  return {
    strategy,
    requests: requests.length,
    refused: requests.filter(({ refused }) => refused).length,
    promptTokens: sum(requests.map(({ promptTokens }) => promptTokens)),
    prefixHitRatio: queriedTokens === 0 ? 0 : sum(pods.map(({ stats }) => stats.prefixHitsTokens)) / queriedTokens,
    ttftMs: percentiles(answered, ({ arrivedMs, firstTokenMs }) => firstTokenMs - arrivedMs),
    endToEndMs: percentiles(answered, ({ arrivedMs, finishedMs }) => finishedMs - arrivedMs),
    imbalance: meanBusyMs === 0 ? 1 : Math.max(...busyMs) / meanBusyMs,
    preemptions: sum(pods.map(({ stats }) => stats.preemptions)),
    durationMs: answered.reduce((last, { finishedMs }) => Math.max(last, finishedMs), startMs) - startMs,
    pods: podSummaries,
  };
}

/** Length of the union of the requests' times; they are in order of arrival. */
function coveredMs(requests: readonly PlayedRequest[]): number {
  let coveredMs = 0;
  let endMs = -Infinity;
  for (const { arrivedMs, finishedMs } of requests) {
    coveredMs += Math.max(0, finishedMs - Math.max(arrivedMs, endMs));
    endMs = Math.max(endMs, finishedMs);
  }
  return coveredMs;
}

/** Nearest rank: every percentile is a value that occurred. */
function percentiles(requests: readonly PlayedRequest[], measure: (request: PlayedRequest) => number): Percentiles {
  const values = Float64Array.from(requests, measure).sort();
  const at = (share: number): number => values[Math.max(0, Math.ceil(share * values.length) - 1)] ?? NaN;
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99) };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
