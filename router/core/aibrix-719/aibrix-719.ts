/**
 * AIBrix PR #719 as it was merged (d350ca5, February 2025), bug for bug: mode `aibrix-719`.
 *
 * Every request first erases from the whole tree all pods that are not ready for it, then inserts its prompt, then asks
 * how much of it had been there. More than half, for any model and any pod: to the least loaded pod of the deepest node
 * that lists a ready pod for the model, and be it the root. Otherwise to the pod of least cost. A background loop evicts
 * and expires once a second. One GPU prices all pods. Ends and failures of requests are not heard.
 */
import { loadProfile, type LatencyProfile } from "../../../fixtures/profiles/latency-profile.ts";
import type { Candidate } from "../../../fixtures/routing.ts";
import {
  least,
  type Assessment,
  type Prompt,
  type ReadyPod,
  type RecentLoad,
  type Strategy,
} from "../strategies/strategy.ts";
import { breadthFirst, type Look, type TreeView } from "../prefix-tree/tree-view.ts";
import { addPod, AibrixTree, pathUp, type AibrixNode } from "./aibrix-tree.ts";
import { Histogram } from "./histogram.ts";

const THRESHOLD = 0.5;
const LOOP_INTERVAL_MS = 1000;

export class Aibrix719 implements Strategy {
  readonly name = "prefix-cache-and-load";
  readonly threshold = THRESHOLD;
  readonly tree = new AibrixTree();
  readonly histogram = new Histogram();
  readonly #profile: LatencyProfile;
  #readyCount = 0;
  #nextLoopMs: number | undefined;

  /** `gpu` prices every pod: that of an A6000, or else that of a V100, by the curves as published. */
  constructor(gpu: string) {
    this.#profile = loadProfile(loadProfile(gpu).gpu === "a6000" ? "a6000-preble" : "v100-aibrix");
  }

  assess({ request, tokens }: Prompt, pods: readonly ReadyPod[], nowMs: number): Assessment {
    const { model } = request;
    // The only ready pod is taken before anything is looked at, and the tree learns nothing.
    if (pods.length === 1) {
      const candidates = this.#candidates(pods, new Map());
      return { reason: "only-pod", allowed: pods, matchedTokens: 0, totalTokens: tokens.length, candidates };
    }
    this.#updatePodSet(pods);
    const { node, matchedTokens } = this.tree.insert(tokens, model, nowMs);
    // An empty prompt has no ratio: not a number is not above the threshold.
    const owners = matchedTokens / tokens.length > THRESHOLD ? deepestOwners(node, model, pods) : [];
    const candidates = this.#candidates(pods, ownedTokens(node, model));
    const isPrefix = owners.length > 0;
    const best = least(
      candidates.filter((candidate) => !isPrefix || owners.some(({ name }) => name === candidate.pod)),
      (candidate) => (isPrefix ? candidate.load : candidate.costSeconds),
    );
    return {
      reason: isPrefix ? "prefix" : "cost",
      allowed: pods.filter(({ name }) => best.some((candidate) => candidate.pod === name)),
      matchedTokens,
      totalTokens: tokens.length,
      candidates,
      place: (pod) => {
        for (const above of pathUp(node)) addPod(above, model, pod.name);
        this.histogram.add(node, nowMs);
        return undefined;
      },
    };
  }

  recentLoad({ name }: ReadyPod): RecentLoad {
    return {
      requests: () => this.histogram.podLoads().get(name) ?? 0,
      seconds: () => this.histogram.podCostsSeconds(this.#profile).get(name) ?? 0,
    };
  }

  /** The background loop, for every full second since the first call. */
  tick(nowMs: number): void {
    this.#nextLoopMs ??= nowMs + LOOP_INTERVAL_MS;
    while (this.#nextLoopMs <= nowMs) {
      this.histogram.dropNodes(this.tree.evict(this.#nextLoopMs));
      this.histogram.expire(this.#nextLoopMs);
      this.#nextLoopMs += LOOP_INTERVAL_MS;
      if (this.tree.size > 1 || !this.histogram.isEmpty) continue;
      // Nothing is left to evict or to expire: the loops until now would find nothing.
      const idleLoops = Math.floor((nowMs - this.#nextLoopMs) / LOOP_INTERVAL_MS) + 1;
      this.#nextLoopMs += Math.max(0, idleLoops) * LOOP_INTERVAL_MS;
    }
  }

  /** The one tree as each model's pods stand in it; the root, which lists whoever served the model, is left out. */
  view(limit: number, nowMs: number): TreeView {
    const nodes = [...this.tree.nodes()];
    const models = [...new Set(nodes.flatMap(({ modelToPods }) => [...modelToPods.keys()]))];
    return {
      nodes: nodes.length - 1,
      storedTokens: nodes.reduce((sum, { key }) => sum + key.length, 0),
      namespaces: models.slice(0, limit).map((model) => ({
        model,
        lora: null,
        salted: false,
        ...breadthFirst(this.tree.root, limit, (node) => viewNode(node, model, nowMs)),
      })),
      more: models.length > limit,
    };
  }

  /** Ready for this request's model, but erased for all models. */
  #updatePodSet(pods: readonly ReadyPod[]): void {
    const isChanged = this.tree.keepPods(new Set(pods.map(({ name }) => name)));
    // After the first request always true: the ghost of the one before has just been erased.
    if (!isChanged && pods.length === this.#readyCount) return;
    this.#readyCount = pods.length;
    this.histogram.dropEntriesWithoutPods();
  }

  #candidates(pods: readonly ReadyPod[], ownedTokens: ReadonlyMap<string, number>): Candidate[] {
    const loads = this.histogram.podLoads();
    const costs = this.histogram.podCostsSeconds(this.#profile);
    return pods.map(({ name }) => ({
      pod: name,
      matchedTokens: ownedTokens.get(name) ?? 0,
      load: loads.get(name) ?? 0,
      costSeconds: costs.get(name) ?? 0,
    }));
  }
}

function viewNode(node: AibrixNode, model: string, nowMs: number): Look<AibrixNode> {
  const children = [...node.children.values()];
  const idleMs = Math.round(nowMs - node.lastAccessMs);
  const pods = [...(node.modelToPods.get(model) ?? [])].map((name) => ({ name, idleMs }));
  const { contextTokens, key } = node;
  const view = { contextTokens, edgeTokens: key.length, pods, children: children.length };
  return { children, view: pods.length === 0 ? undefined : view };
}

/** Ready pods of the deepest node on the way up that has any for this model: at worst of the root. */
function deepestOwners(node: AibrixNode, model: string, pods: readonly ReadyPod[]): readonly ReadyPod[] {
  for (const above of pathUp(node)) {
    const listed = above.modelToPods.get(model);
    const owners = pods.filter(({ name }) => listed?.has(name) === true);
    if (owners.length > 0) return owners;
  }
  return [];
}

/** By pod, where the deepest node ends that lists it: what it is believed to hold of the prompt. */
function ownedTokens(node: AibrixNode, model: string): ReadonlyMap<string, number> {
  const tokens = new Map<string, number>();
  for (const above of pathUp(node)) {
    for (const pod of above.modelToPods.get(model) ?? []) if (!tokens.has(pod)) tokens.set(pod, above.contextTokens);
  }
  return tokens;
}
