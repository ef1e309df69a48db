/** What a router tells a busy pod by: what can be done about it from outside, and what is known of it there. */
import type { RouterProfile } from "../router-profile.ts";
import type { History } from "./history.ts";
import type { PodLoad } from "./pod-load.ts";
import { reportedLoads } from "./reported-load.ts";
import { costLoads, inFlightLoads, windowLoads, WINDOW_EDGE_MS } from "./request-load.ts";

export interface LoadSignal {
  /** What makes a pod busy in it: a client's requests; what pods report, read so often that a case can wait for it. */
  readonly shows: "requests" | "reports" | "nothing";
  /** For how long a request counts after it began, in milliseconds; undefined where only what is under way counts. */
  readonly windowMs: number | undefined;
  /** A single request of difference decides. */
  readonly countable: boolean;
  /** Loads at a moment, before a request with this prompt is sent; undefined where nobody outside can know them. */
  readonly loads: (history: History, nowMs: number, prompt: string) => ReadonlyMap<string, PodLoad> | undefined;
}

const DEFAULT_WINDOW_MS = 180_000;
/** A window that can be waited out between one case and the next. */
export const SHORT_WINDOW_MS = 15_000;
const QUICK_REFRESH_MS = 1_000;

/** Undefined where the profile is silent. */
export function loadSignal({ load }: RouterProfile): LoadSignal | undefined {
  if (load === undefined) return undefined;
  const windowMs = load.windowMs ?? DEFAULT_WINDOW_MS;
  switch (load.signal) {
    case "in-flight":
      return { shows: "requests", windowMs: undefined, countable: true, loads: inFlightLoads };
    case "window":
      return { shows: "requests", windowMs, countable: true, loads: windowLoads(windowMs) };
    case "cost-model":
      return { shows: "requests", windowMs, countable: false, loads: costLoads(windowMs) };
    case "metric": {
      const isQuick = load.refreshMs !== undefined && load.refreshMs <= QUICK_REFRESH_MS;
      return { shows: isQuick ? "reports" : "nothing", windowMs: undefined, countable: false, loads: reportedLoads };
    }
    case "none":
      return { shows: "nothing", windowMs: undefined, countable: false, loads: () => undefined };
  }
}

/** Until nothing counts as load that was sent before; 0 where only what is under way counts. */
export function windowPassedMs(profile: RouterProfile): number {
  const windowMs = loadSignal(profile)?.windowMs;
  return windowMs === undefined ? 0 : windowMs + 2 * WINDOW_EDGE_MS;
}

/** The same, for the middle of a case: 0 where what was taught would be forgotten meanwhile. */
export function settledAfterMs(profile: RouterProfile): number {
  const { evict } = profile;
  const passedMs = windowPassedMs(profile);
  return evict?.kind === "ttl" && evict.ttlMs <= passedMs ? 0 : passedMs;
}
