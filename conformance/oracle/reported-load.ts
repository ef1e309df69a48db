/** Loads by what pods said that the router has read; it may count what is under way besides. */
import { REPORTED_LOADS, type ReportedLoads } from "../observation.ts";
import type { History } from "./history.ts";
import type { PodLoad } from "./pod-load.ts";
import { inFlightLoads } from "./request-load.ts";

/** Undefined where none said anything. */
export function reportedLoads(history: History, nowMs: number): ReadonlyMap<string, PodLoad> | undefined {
  const last = history.observation.steps.findLast(
    (step) => step.kind === "note" && step.label === REPORTED_LOADS && step.atMs <= nowMs,
  );
  const said = last?.kind === "note" ? (last.data as ReportedLoads) : {};
  const loads = Object.entries(said).filter(([pod]) => history.livePods.includes(pod));
  if (loads.length === 0) return undefined;
  const flying = inFlightLoads(history, nowMs);
  return new Map(
    loads.map(([pod, low]) => {
      const range = { low, high: low + (flying.get(pod)?.requests.high ?? 0) };
      return [pod, { requests: range, chars: range }];
    }),
  );
}
