/** How loaded each pod is in the router's own signal, as far as a client can know. */
import { loadWindowMs, type RouterProfile } from "../router-profile.ts";
import { type CarriedLoad, REPORTED_LOADS, type ReportedLoads } from "../observation.ts";
import { type History, type Placement, quietBefore } from "./history.ts";
import { mayBeUnnoticed } from "./late-notice.ts";
import { commonPrefix } from "./measure.ts";
import { type Range, surelyBelow } from "./range.ts";

/** Load by the measures a router may use; one pod is surely less loaded only when it is so in all of them. */
export interface PodLoad {
  readonly requests: Range;
  /** Prompt characters of those requests. */
  readonly chars: Range;
}

/** On a busy machine a request counts for longer than it {@link mayBeUnnoticed}, but not past several later exchanges. */
const LATE_RELEASE_STRAGGLERS = 2;
export const LATE_RELEASE_MAX_MS = 2_000;
/** A router may sweep its window by the second. */
export const WINDOW_EDGE_MS = 1_000;
/** A cost model weighs decode and prefill as it likes; a pod that runs this many requests more costs more by any weighing ... */
const COST_LEAD_REQUESTS = 3;

export function loadsOf(
  history: History,
  nowMs: number,
  profile: RouterProfile,
  prompt: string,
): ReadonlyMap<string, PodLoad> | undefined {
  const { load } = profile;
  if (load === undefined) return undefined;
  const windowMs = loadWindowMs(profile) ?? 0;
  switch (load.signal) {
    case "none":
      return undefined;
    case "metric":
      return reported(history, nowMs);
    case "in-flight":
      return perPod(history, inFlight(history, nowMs));
    case "window":
      return perPod(history, inWindow(history, nowMs, windowMs), { nowMs, windowMs });
    case "cost-model": {
      const flying = inFlight(history, nowMs);
      const window = inWindow(history, nowMs, windowMs);
      const least = perPod(history, (placement) => ({ low: flying(placement).low, high: 0 }));
      const most = perPod(history, (placement) => ({ low: 0, high: window(placement).high }), { nowMs, windowMs });
      return new Map(
        history.livePods.map((pod) => {
          const low = least.get(pod)!;
          const high = most.get(pod)!;
          return [
            pod,
            {
              requests: { low: low.requests.low - (COST_LEAD_REQUESTS - 1), high: high.requests.high },
              // ... provided their prompts outweigh what the new one saves there by its cached prefix.
              chars: { low: low.chars.low - savedChars(history, pod, prompt), high: high.chars.high },
            },
          ];
        }),
      );
    }
  }
}

/** What pods said that the router has read; it may count what is under way besides. Undefined where none said anything. */
function reported(history: History, nowMs: number): ReadonlyMap<string, PodLoad> | undefined {
  const last = history.observation.steps.findLast(
    (step) => step.kind === "note" && step.label === REPORTED_LOADS && step.atMs <= nowMs,
  );
  const said = last?.kind === "note" ? (last.data as ReportedLoads) : {};
  const loads = Object.entries(said).filter(([pod]) => history.livePods.includes(pod));
  if (loads.length === 0) return undefined;
  const flying = perPod(history, inFlight(history, nowMs));
  return new Map(
    loads.map(([pod, low]) => {
      const range = { low, high: low + (flying.get(pod)?.requests.high ?? 0) };
      return [pod, { requests: range, chars: range }];
    }),
  );
}

/** Characters of the prompt that this pod may hold, whatever became of them since. */
function savedChars({ placements }: History, pod: string, prompt: string): number {
  return Math.max(
    0,
    ...placements
      .filter((placement) => placement.pod === pod)
      .map(({ step }) => commonPrefix(prompt, step.prompt.text).length),
  );
}

/** True when the first pod is less loaded however the router weighs requests. */
export const surelyLessLoaded = (a: PodLoad, b: PodLoad): boolean =>
  surelyBelow(a.requests, b.requests) && surelyBelow(a.chars, b.chars);

/** Pods that may be the least loaded. */
export function leastLoaded(pods: readonly string[], loads: ReadonlyMap<string, PodLoad>): readonly string[] {
  return pods.filter((pod) => {
    const own = loads.get(pod);
    return own === undefined || !pods.some((other) => surelyLessLoaded(loads.get(other) ?? own, own));
  });
}

interface Window {
  readonly nowMs: number;
  readonly windowMs: number;
}

type Weight = (placement: Placement) => Range;

const COUNTED: Range = { low: 1, high: 1 };
const PERHAPS: Range = { low: 0, high: 1 };
const NOT: Range = { low: 0, high: 0 };

function inFlight(history: History, nowMs: number): Weight {
  const http = history.observation.transport === "http";
  const quietMs = quietBefore(history, nowMs);
  const ended = history.placements.filter(({ endMs }) => endMs !== undefined && endMs <= nowMs);
  const latest = ended.sort((a, b) => b.endMs! - a.endMs!).slice(0, LATE_RELEASE_STRAGGLERS);
  return (placement) => {
    const { endMs, startMs, step } = placement;
    if (endMs === undefined) return step.held || startMs < nowMs ? COUNTED : PERHAPS;
    if (endMs > nowMs) return PERHAPS;
    if (!http || endMs <= quietMs) return NOT;
    const ageMs = nowMs - endMs;
    const straggler = latest.includes(placement) && ageMs < LATE_RELEASE_MAX_MS;
    return mayBeUnnoticed(endMs, nowMs) || straggler ? PERHAPS : NOT;
  };
}

function inWindow(history: History, nowMs: number, windowMs: number): Weight {
  const flying = inFlight(history, nowMs);
  return (placement) => {
    if (placement.startMs > nowMs) return PERHAPS;
    const ageMs = nowMs - placement.startMs;
    if (ageMs < windowMs - WINDOW_EDGE_MS && placement.served) return COUNTED;
    if (ageMs < windowMs + WINDOW_EDGE_MS) return PERHAPS;
    return flying(placement).high > 0 ? PERHAPS : NOT;
  };
}

/** With a window, what earlier cases sent counts too. */
function perPod(history: History, weight: Weight, window?: Window): Map<string, PodLoad> {
  const loads = new Map<string, PodLoad>(history.livePods.map((pod) => [pod, { requests: NOT, chars: NOT }]));
  const add = (pod: string, { low, high }: Range, chars: number): void => {
    const { requests, chars: sum } = loads.get(pod) ?? { requests: NOT, chars: NOT };
    loads.set(pod, {
      requests: { low: requests.low + low, high: requests.high + high },
      chars: { low: sum.low + low * chars, high: sum.high + high * chars },
    });
  };
  for (const placement of history.placements) {
    // A pod that was removed took its requests with it, or did not: its old load is uncertain.
    const range = weight(placement);
    add(placement.pod, placement.podLeft ? { low: 0, high: range.high } : range, placement.step.prompt.text.length);
  }
  if (window === undefined) return loads;
  for (const carried of history.observation.carried ?? []) {
    add(carried.pod, carriedRange(carried, history, window), carried.promptChars);
  }
  return loads;
}

function carriedRange({ pod, atMs, surely = false }: CarriedLoad, { observation }: History, window: Window): Range {
  const ageMs = window.nowMs - atMs;
  const hasLeft = observation.steps.some(
    (step) => step.kind === "pods" && step.change === "remove" && step.pod === pod,
  );
  if (surely && !hasLeft && ageMs < window.windowMs - WINDOW_EDGE_MS) return COUNTED;
  return ageMs < window.windowMs + WINDOW_EDGE_MS ? PERHAPS : NOT;
}
