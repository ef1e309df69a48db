/** Loads as pods report them, for routers that read those: a client's requests do not show there in time, or at all. */
import type { Lab } from "../../lab.ts";
import { REPORTED_LOADS, type ReportedLoads } from "../../observation.ts";
import { httpOf } from "./exchange.ts";

export const METRICS = "/metrics";
/** The first answer may have been under way when the page changed. */
const READINGS = 2;
const PATIENCE_MS = 2_000;

/** Few enough for what a router may take for saturated. */
const BUSY_REQUESTS = 4;
const BUSY_SHARE = 0.4;

/** A share, where the name says so; else a number of requests. */
export const isShare = (name: string): boolean => /perc|ratio|usage/.test(name);

/** By whichever of these the router goes, a pod that reports all of them is the busier one. */
const GAUGES = [
  "vllm:num_requests_running",
  "vllm:num_requests_waiting",
  "vllm:kv_cache_usage_perc",
  "vllm:gpu_cache_usage_perc",
];

/** This pod reports a load and the others none; resolves when the router has read so, or should have. */
export async function reportBusy(lab: Lab, busy: string): Promise<void> {
  const { pods } = httpOf(lab);
  const names = [...new Set([...GAUGES, lab.profile.load?.name ?? ""])].filter((name) => name !== "");
  for (const pod of lab.pods()) {
    const load = (name: string): number => (pod !== busy ? 0 : isShare(name) ? BUSY_SHARE : BUSY_REQUESTS);
    const values = Object.fromEntries(names.map((name) => [name, load(name)]));
    pods.setPage(METRICS, { kind: "gauges", values }, pod);
  }
  const unread = await untilRead(lab, lab.pods());
  const reported = Object.fromEntries(lab.pods().map((pod) => [pod, pod === busy ? BUSY_REQUESTS : 0]));
  lab.note(REPORTED_LOADS, (unread.length === 0 ? reported : {}) satisfies ReportedLoads);
}

/** Resolves to the pods whose pages the router has not read anew as often as shows that it has taken the figures. */
export async function untilRead(lab: Lab, names: readonly string[]): Promise<readonly string[]> {
  const waitMs = (READINGS + 1) * (lab.profile.load?.refreshMs ?? 0) + PATIENCE_MS;
  const { pods } = httpOf(lab);
  const read = await Promise.all(names.map((name) => pods.answeredAgain(METRICS, READINGS, waitMs, name)));
  return names.filter((_, index) => read[index] === false);
}
