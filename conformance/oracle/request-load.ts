/** Loads by the requests that pods got: those under way, those of a window, or a cost model over both. */
import type { CarriedLoad } from "../observation.ts";
import { type History, type Placement, quietBefore } from "./history.ts";
import { mayBeUnnoticed } from "./late-notice.ts";
import { commonPrefix } from "./measure.ts";
import type { PodLoad } from "./pod-load.ts";
import type { Range } from "./range.ts";

/** On a busy machine a request counts for longer than it {@link mayBeUnnoticed}, but not past several later exchanges. */
const LATE_RELEASE_STRAGGLERS = 2;
export const LATE_RELEASE_MAX_MS = 2_000;
/** A router may sweep its window by the second. */
export const WINDOW_EDGE_MS = 1_000;
/** A cost model weighs decode and prefill as it likes; a pod that runs this many requests more costs more by any weighing ... */
const COST_LEAD_REQUESTS = 3;

export function inFlightLoads(history: History, nowMs: number): ReadonlyMap<string, PodLoad> {
  return perPod(history, inFlight(history, nowMs));
}

export const windowLoads =
  (windowMs: number) =>
  (history: History, nowMs: number): ReadonlyMap<string, PodLoad> =>
    perPod(history, inWindow(history, nowMs, windowMs), { nowMs, windowMs });

export const costLoads =
  (windowMs: number) =>
  (history: History, nowMs: number, prompt: string): ReadonlyMap<string, PodLoad> => {
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
  };

/** Characters of the prompt that this pod may hold, whatever became of them since. */
function savedChars({ placements }: History, pod: string, prompt: string): number {
  return Math.max(
    0,
    ...placements
      .filter((placement) => placement.pod === pod)
      .map(({ step }) => commonPrefix(prompt, step.prompt.text).length),
  );
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
