/**
 * SGLang's rule, as SMG and vLLM router carry it on, with the defaults of their command lines.
 *
 * While the pods are out of balance (the busiest holds more than 64 requests more than the least busy, and more than 1.5
 * times as many; both strict), the least busy takes everything. Otherwise a prompt of which more than 0.3 is known goes
 * to a pod that knows it, and any other to the least busy. The original counts characters; this one counts tokens.
 */
import type { Holder } from "../prefix-tree/radix-node.ts";
import { namespaceOf } from "../prefix-tree/namespace.ts";
import { least, type Assessment, type Prompt, type ReadyPod } from "./strategy.ts";
import { TreeStrategy } from "./tree-strategy.ts";

const BALANCE_ABSOLUTE_REQUESTS = 64;
const BALANCE_RELATIVE = 1.5;

export class CacheAware extends TreeStrategy<{ readonly holder: Holder }> {
  readonly name = "cache-aware";

  protected newState(_pod: ReadyPod, holder: Holder): { readonly holder: Holder } {
    return { holder };
  }

  assess({ request, tokens }: Prompt, pods: readonly ReadyPod[], nowMs: number): Assessment {
    const namespace = namespaceOf(request);
    const { byHolder } = this.tree.match(namespace, tokens);
    const views = pods.map((pod) => ({ pod, matchedTokens: byHolder.get(this.states.of(pod).holder) ?? 0 }));
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
        const placement = this.tree.claim(namespace, tokens, this.states.of(pod).holder, nowMs);
        return { finished: (computed) => void (!computed && this.tree.withdraw(placement)) };
      },
    };
  }
}
