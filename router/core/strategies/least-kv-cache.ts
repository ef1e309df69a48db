import type { LookAtPod } from "../pod-view.ts";
import { leastLoaded, type Assessment, type Prompt, type ReadyPod, type Strategy } from "./strategy.ts";
import { leastRequest } from "./least-request.ts";

/**
 * The pod that uses least of its KV cache, by its own report. A pod whose usage is unknown is not an empty pod: it is
 * left out, and where nothing is known of any pod, requests in flight decide.
 */
export class LeastKvCache implements Strategy {
  readonly name = "least-kv-cache";
  readonly #look: LookAtPod;

  constructor(look: LookAtPod) {
    this.#look = look;
  }

  assess(prompt: Prompt, pods: readonly ReadyPod[], nowMs: number): Assessment {
    const usages = new Map<ReadyPod, number>();
    for (const pod of pods) {
      const usage = this.#look(pod.name)?.kvUsageRatio;
      if (usage !== undefined && usage >= 0 && usage <= 1) usages.set(pod, usage);
    }
    if (usages.size === 0) return leastRequest.assess(prompt, pods, nowMs);
    return leastLoaded([...usages.keys()], (pod) => usages.get(pod) ?? 1);
  }
}
