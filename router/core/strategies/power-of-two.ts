import type { RandomStream } from "../../../fixtures/random.ts";
import { leastLoaded, type Assessment, type Prompt, type ReadyPod, type Strategy } from "./strategy.ts";

/** Two pods by lot, and of these the one with fewer requests in flight: nearly least-request, without its herds. */
export class PowerOfTwo implements Strategy {
  readonly name = "power-of-two";
  readonly #random: RandomStream;

  constructor(random: RandomStream) {
    this.#random = random;
  }

  assess(_prompt: Prompt, pods: readonly ReadyPod[]): Assessment {
    const first = this.#random.below(pods.length);
    // The second is drawn from the others.
    const second = (first + 1 + this.#random.below(Math.max(1, pods.length - 1))) % pods.length;
    const drawn = pods.filter((_pod, index) => index === first || index === second);
    return leastLoaded(drawn, (pod) => pod.inFlight);
  }
}
