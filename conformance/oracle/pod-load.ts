/** How loaded a pod is, as far as a client can know, and which of two is the less loaded. */
import { type Range, surelyBelow } from "./range.ts";

/** Load by the measures a router may use; one pod is surely less loaded only when it is so in all of them. */
export interface PodLoad {
  readonly requests: Range;
  /** Prompt characters of those requests. */
  readonly chars: Range;
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
