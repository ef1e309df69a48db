/** Of the pods that were named, those that say they are well. */
import type { PodAddress } from "../../adapters/router-under-test.ts";
import { isHealthy, type PodWatch } from "./pod-watch.ts";

export class HealthyPods {
  readonly #watch: PodWatch;
  readonly #show: (pods: readonly PodAddress[]) => void;
  readonly #sick = new Set<string>();
  #named: readonly PodAddress[] = [];

  /** `believes` makes of a pod's word whether it is well; `show` is told at every change. */
  constructor(
    everyMs: number,
    believes: (pod: PodAddress, isWell: boolean) => boolean,
    show: (pods: readonly PodAddress[]) => void,
    watch: (...watched: ConstructorParameters<typeof PodWatch>) => PodWatch,
  ) {
    this.#watch = watch(everyMs, async (pod) => {
      const isWell = believes(pod, await isHealthy(pod));
      if (isWell !== this.#sick.has(pod.name)) return;
      if (isWell) this.#sick.delete(pod.name);
      else this.#sick.add(pod.name);
      show(this.#well());
    });
    this.#show = show;
  }

  async setPods(pods: readonly PodAddress[]): Promise<void> {
    this.#named = pods;
    await this.#watch.setPods(pods);
    this.#show(this.#well());
  }

  close(): void {
    this.#watch.close();
  }

  #well(): readonly PodAddress[] {
    return this.#named.filter(({ name }) => !this.#sick.has(name));
  }
}
