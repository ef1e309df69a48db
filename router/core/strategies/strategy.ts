/** What a routing strategy is: it says which pods it would accept and why, and is told what became of the request. */
import type { Candidate, DecisionReason, RouteRequest } from "../../../fixtures/routing.ts";
import type { TreeView } from "../prefix-tree/tree-view.ts";

/** A ready pod as strategies see it. The same object from the day it appears until it is gone. */
export interface ReadyPod {
  readonly name: string;
  /** Latency profile; the router's default where the pod named none. */
  readonly gpu: string;
  /** Requests placed here and not finished; kept by the router for every strategy alike. */
  readonly inFlight: number;
}

/** A request on its way to a decision. */
export interface Prompt {
  readonly request: RouteRequest;
  /** Made on first use: strategies that look at load alone never pay for it. */
  readonly tokens: Int32Array;
}

export interface Assessment {
  readonly reason: DecisionReason;
  /** Pods that are equally right; never empty. The router draws one. */
  readonly allowed: readonly ReadyPod[];
  readonly matchedTokens: number;
  readonly totalTokens: number;
  readonly candidates: readonly Candidate[];
  /** Takes note that the request goes to `pod`, one of those assessed, allowed or not. Called at most once. */
  place?(pod: ReadyPod): Placed | undefined;
}

/** What a strategy wants to hear about a placed request. */
export interface Placed {
  firstToken?(nowMs: number): void;
  /** `computed`: the pod has run this prompt, and so may have it cached. */
  finished(computed: boolean): void;
}

/** What a pod was given within the load window. */
export interface RecentLoad {
  requests(nowMs: number): number;
  /** GPU seconds of that pod, as a new request finds them. */
  seconds(nowMs: number): number;
}

export interface Strategy {
  readonly name: string;
  /** Share of the prompt above which the prefix decides; absent in strategies without one. */
  readonly threshold?: number;
  podAdded?(pod: ReadyPod): void;
  podRemoved?(pod: ReadyPod): void;
  /** The pod's cache is gone, though the pod is not: all of it, or what it held of other models than those kept. */
  forget?(pod: ReadyPod, keptModels?: readonly string[]): void;
  /** `pods` serve the request's model and are ready; at least one. */
  assess(prompt: Prompt, pods: readonly ReadyPod[], nowMs: number): Assessment;
  /** Absent in strategies without a load window. */
  recentLoad?(pod: ReadyPod): RecentLoad;
  tick?(nowMs: number): void;
  /** Absent in strategies without a prefix index. At most `limit` of whatever is listed. */
  view?(limit: number, nowMs: number): TreeView;
}

/** A choice by load: `load` in the strategy's own unit, the least loaded pods allowed. */
export function leastLoaded(pods: readonly ReadyPod[], load: (pod: ReadyPod) => number): Assessment {
  const candidates = pods.map((pod) => ({ pod: pod.name, matchedTokens: 0, load: load(pod), costSeconds: 0 }));
  return { reason: "load", allowed: least(pods, load), matchedTokens: 0, totalTokens: 0, candidates };
}

/**
 * The items of smallest rank: by the first rank, among equals by the next, and so on; all that tie in every one. Ranks
 * within 1e-9 tie: sums differ in their last bits.
 */
export function least<T>(items: readonly T[], ...ranks: readonly ((item: T, index: number) => number)[]): T[] {
  const smallest = ranks.map(() => Infinity);
  let found: T[] = [];
  for (let index = 0; index < items.length; index++) {
    const item = items[index] as T;
    let order = found.length === 0 ? -1 : 0;
    for (let position = 0; position < ranks.length && order === 0; position++) {
      const difference = (ranks[position]?.(item, index) ?? 0) - (smallest[position] ?? 0);
      if (Math.abs(difference) > 1e-9) order = difference;
    }
    if (order > 0) continue;
    if (order < 0) {
      found = [];
      for (let position = 0; position < ranks.length; position++)
        smallest[position] = ranks[position]?.(item, index) ?? 0;
    }
    found.push(item);
  }
  return found;
}
