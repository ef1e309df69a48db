/** What the decision may know of a pod from its metrics page: what is old says nothing. */
import type { PodView } from "../../core/pod-view.ts";
import type { PodLink } from "./pod-link.ts";

/** Between two readings of a pod's page. */
export const METRICS_MS = 1000;

/** Not shorter than the time between two readings, and one or two may be missed (llm-d-router #2514). */
const METRICS_STALE_MS = 5 * METRICS_MS;

/** `nowMs` by `performance.now()`. */
export function lookAtPod(pod: Pick<PodLink, "kvUsage"> | undefined, nowMs: number): PodView | undefined {
  const usage = pod?.kvUsage;
  const isFresh = usage !== undefined && nowMs - usage.atMs < METRICS_STALE_MS;
  return isFresh ? { kvUsageRatio: usage.ratio } : undefined;
}
