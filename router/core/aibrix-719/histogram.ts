/**
 * The sliding window of AIBrix PR #719 (`prefix_cache_and_load.go` at d350ca5): counters per tree node, from which a pod's
 * load and cost are summed up over the nodes that list it. It knows starts only: no request ever ends.
 */
import { prefillMs, type LatencyProfile } from "../../../fixtures/profiles/latency-profile.ts";
import { DECODE_TOKENS } from "../cost-model.ts";
import type { AibrixNode } from "./aibrix-tree.ts";

interface Counters {
  /** Sum of the context lengths of the requests that ended at the node: the key to whether it still counts. */
  contextTokens: number;
  requests: number;
  /** Tokens above the node, whoever holds them, at the time of each request. */
  hitTokens: number;
  promptTokens: number;
}

const WINDOW_MS = 3 * 60_000;

/** Measured times per token are never fed, so the default stands for ever. */
const SECONDS_PER_DECODED_TOKEN = 0.15;

export class Histogram {
  #entries: { readonly atMs: number; readonly node: AibrixNode }[] = [];
  readonly #counters = new Map<AibrixNode, Counters>();

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  requestsAt(node: AibrixNode): number {
    return this.#counters.get(node)?.requests ?? 0;
  }

  add(node: AibrixNode, nowMs: number): void {
    this.#entries.push({ atMs: nowMs, node });
    this.#count(node, 1);
  }

  /** Forgets when the requests of nodes without any pod were, so that their counters never leave the window. */
  dropEntriesWithoutPods(): void {
    this.#entries = this.#entries.filter(({ node }) => node.modelToPods.size > 0);
  }

  dropNodes(nodes: ReadonlySet<AibrixNode>): void {
    this.#entries = this.#entries.filter(({ node }) => !nodes.has(node));
    for (const node of nodes) this.#counters.delete(node);
  }

  /** An entry exactly three minutes old goes. It is subtracted with the node's present length, not the one counted. */
  expire(nowMs: number): void {
    const oldestMs = nowMs - WINDOW_MS;
    const expired = this.#entries.filter(({ atMs }) => atMs <= oldestMs);
    if (expired.length === 0) return;
    this.#entries = this.#entries.filter(({ atMs }) => atMs > oldestMs);
    for (const { node } of expired) {
      if (this.#count(node, -1).contextTokens <= 0) this.#counters.delete(node);
    }
  }

  /** Requests of every node that lists the pod, under however many models, by whichever pod they were served. */
  podLoads(): ReadonlyMap<string, number> {
    const loads = new Map<string, number>();
    for (const [node, { requests }] of this.#counters) {
      for (const pod of podsOf(node)) loads.set(pod, (loads.get(pod) ?? 0) + requests);
    }
    return loads;
  }

  /** A pod listed under two models of a node pays twice. */
  podCostsSeconds(profile: LatencyProfile): ReadonlyMap<string, number> {
    const costs = new Map<string, number>();
    for (const [node, counters] of this.#counters) {
      const cost = nodeCostSeconds(profile, node, counters);
      for (const pods of node.modelToPods.values()) {
        for (const pod of pods) costs.set(pod, (costs.get(pod) ?? 0) + cost);
      }
    }
    return costs;
  }

  #count(node: AibrixNode, sign: 1 | -1): Counters {
    const counters = this.#counters.get(node) ?? { contextTokens: 0, requests: 0, hitTokens: 0, promptTokens: 0 };
    this.#counters.set(node, counters);
    counters.contextTokens += sign * node.contextTokens;
    counters.requests += sign;
    counters.hitTokens += sign * (node.contextTokens - node.key.length);
    counters.promptTokens += sign * node.contextTokens;
    return counters;
  }
}

/** Each pod once. With one model, as is usual, its own set. */
function podsOf({ modelToPods }: AibrixNode): ReadonlySet<string> {
  const [first, ...others] = modelToPods.values();
  if (first === undefined || others.length === 0) return first ?? new Set();
  return new Set([...first, ...others.flatMap((pods) => [...pods])]);
}

/** The prefill is shared among models, where pods were meant; the decode is charged once a node, not once a request. */
export function nodeCostSeconds(
  profile: LatencyProfile,
  node: Pick<AibrixNode, "key" | "contextTokens" | "modelToPods">,
  counters: Pick<Counters, "requests" | "hitTokens" | "promptTokens">,
): number {
  const { requests, hitTokens, promptTokens } = counters;
  const missRate = promptTokens > 0 ? 1 - hitTokens / promptTokens : 1;
  const prefillSeconds = prefillMs(profile, node.key.length, node.contextTokens) / 1000;
  const prefillCost = (missRate * requests * prefillSeconds) / node.modelToPods.size;
  return prefillCost + DECODE_TOKENS * SECONDS_PER_DECODED_TOKEN;
}
