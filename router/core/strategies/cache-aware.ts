/**
 * SGLang's rule, as SMG and vLLM router carry it on, with the defaults of their command lines.
 *
 * While the pods are out of balance (the busiest holds more than 64 requests more than the least busy, and more than 1.5
 * times as many; both strict), the least busy takes everything. Otherwise a prompt of which more than 0.3 is known goes
 * to a pod that knows it, and any other to the least busy. The original counts characters; this one counts tokens.
 */
import type { Holder } from "../prefix-tree/radix-node.ts";
import { namespaceOf, partsOf } from "../prefix-tree/namespace.ts";
import { PerPod } from "../per-pod.ts";
import { RadixTree } from "../prefix-tree/radix-tree.ts";
import { viewTree, type TreeView } from "../prefix-tree/tree-view.ts";
import { least, type Assessment, type Prompt, type ReadyPod, type Strategy } from "./strategy.ts";

export interface CacheAwareOptions {
  readonly threshold: number;
  readonly ttlMs: number;
  readonly capacityTokens: number;
}

const BALANCE_ABSOLUTE_REQUESTS = 64;
const BALANCE_RELATIVE = 1.5;

export class CacheAware implements Strategy {
  readonly name = "cache-aware";
  readonly threshold: number;
  readonly tree: RadixTree;
  readonly #holders = new PerPod<Holder>();

  constructor(options: CacheAwareOptions) {
    this.threshold = options.threshold;
    this.tree = new RadixTree(options);
  }

  podAdded(pod: ReadyPod): void {
    this.#holders.add(pod, this.tree.addHolder(pod.name));
  }

  podRemoved(pod: ReadyPod): void {
    this.tree.removeHolder(this.#holders.remove(pod));
  }

  forget(pod: ReadyPod, keptModels: readonly string[] = []): void {
    this.tree.forget(this.#holders.of(pod), (namespace) => keptModels.includes(partsOf(namespace).model));
  }

  assess({ request, tokens }: Prompt, pods: readonly ReadyPod[], nowMs: number): Assessment {
    const namespace = namespaceOf(request);
    const { byHolder } = this.tree.match(namespace, tokens);
    const views = pods.map((pod) => ({ pod, matchedTokens: byHolder.get(this.#holders.of(pod)) ?? 0 }));
    const loads = pods.map((pod) => pod.inFlight);
    const [most, fewest] = [Math.max(...loads), Math.min(...loads)];
    const isBalanced = most - fewest <= BALANCE_ABSOLUTE_REQUESTS || most <= BALANCE_RELATIVE * fewest;
    const matchedTokens = Math.max(...views.map((view) => view.matchedTokens));
    const isPrefix = isBalanced && tokens.length > 0 && matchedTokens / tokens.length > this.threshold;
    const eligible = isPrefix ? views.filter((view) => view.matchedTokens === matchedTokens) : views;
    return {
      reason: isPrefix ? "prefix" : "load",
      allowed: least(eligible, ({ pod }) => pod.inFlight).map(({ pod }) => pod),
      matchedTokens,
      totalTokens: tokens.length,
      candidates: views.map((view) => ({ ...view, pod: view.pod.name, load: view.pod.inFlight, costSeconds: 0 })),
      place: (pod) => {
        const placement = this.tree.claim(namespace, tokens, this.#holders.of(pod), nowMs);
        return { finished: (computed) => void (!computed && this.tree.withdraw(placement)) };
      },
    };
  }

  tick(nowMs: number): void {
    this.tree.evict(nowMs);
  }

  view(limit: number, nowMs: number): TreeView {
    return viewTree(this.tree, limit, nowMs);
  }
}
