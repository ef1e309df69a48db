/** What strategies have in common that remember in a radix tree which pod holds what: how pods come, go and forget. */
import { partsOf } from "../prefix-tree/namespace.ts";
import type { Holder } from "../prefix-tree/radix-node.ts";
import { RadixTree } from "../prefix-tree/radix-tree.ts";
import { viewTree, type TreeView } from "../prefix-tree/tree-view.ts";
import { PerPod } from "../per-pod.ts";
import type { Assessment, Prompt, ReadyPod, Strategy } from "./strategy.ts";

export interface TreeStrategyOptions {
  /** The prefix branch needs a ratio strictly above this. */
  readonly threshold: number;
  readonly ttlMs: number;
  readonly capacityTokens: number;
}

export abstract class TreeStrategy<State extends { readonly holder: Holder }> implements Strategy {
  abstract readonly name: string;
  readonly threshold: number;
  readonly tree: RadixTree;
  protected readonly states = new PerPod<State>();

  constructor(options: TreeStrategyOptions) {
    this.threshold = options.threshold;
    this.tree = new RadixTree(options);
  }

  abstract assess(prompt: Prompt, pods: readonly ReadyPod[], nowMs: number): Assessment;

  /** What is known of a pod that comes. */
  protected abstract newState(pod: ReadyPod, holder: Holder): State;

  podAdded(pod: ReadyPod): void {
    this.states.add(pod, this.newState(pod, this.tree.addHolder(pod.name)));
  }

  podRemoved(pod: ReadyPod): void {
    this.tree.removeHolder(this.states.remove(pod).holder);
  }

  forget(pod: ReadyPod, keptModels: readonly string[] = []): void {
    this.tree.forget(this.states.of(pod).holder, (namespace) => keptModels.includes(partsOf(namespace).model));
  }

  tick(nowMs: number): void {
    this.tree.evict(nowMs);
  }

  view(limit: number, nowMs: number): TreeView {
    return viewTree(this.tree, limit, nowMs);
  }
}
