import { prefillSeconds, pricingProfile } from "../cost-model.ts";
import type { LookAtPod } from "../pod-view.ts";
import { least, type Assessment, type Prompt, type ReadyPod, type Strategy } from "./strategy.ts";

/**
 * Sees into the pods, as no router can: where the first token will come soonest, by what the pod still has to prefill
 * and by what it truly has cached. An upper bound to compare with, and of use only where pods can be looked into.
 */
export class Oracle implements Strategy {
  readonly name = "oracle";
  readonly #look: LookAtPod;

  constructor(look: LookAtPod) {
    this.#look = look;
  }

  assess({ request, tokens }: Prompt, pods: readonly ReadyPod[]): Assessment {
    const views = pods.map((pod) => {
      const view = this.#look(pod.name);
      const profile = pricingProfile(pod.gpu);
      const matchedTokens = view?.heldPrefixTokens?.(tokens, request) ?? 0;
      const pendingTokens = view?.pendingPrefillTokens ?? 0;
      const waitSeconds = pendingTokens === 0 ? 0 : prefillSeconds(profile, pendingTokens, 0);
      const costSeconds = waitSeconds + prefillSeconds(profile, tokens.length, matchedTokens);
      return { pod, matchedTokens, costSeconds };
    });
    const soonest = least(views, (view) => view.costSeconds);
    return {
      reason: "cost",
      allowed: least(soonest, ({ pod }) => pod.inFlight).map(({ pod }) => pod),
      matchedTokens: Math.max(...views.map((view) => view.matchedTokens)),
      totalTokens: tokens.length,
      candidates: views.map(({ pod, ...view }) => ({ ...view, pod: pod.name, load: pod.inFlight })),
    };
  }
}
