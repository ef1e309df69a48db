/** Which pod serves which models, where pods differ. */
import type { Pod } from "../../mock-pods/pod/pod.ts";
import type { PodsStep } from "../observation.ts";

export class ServedModels {
  readonly #usual: readonly string[];
  readonly #special = new Map<string, readonly string[]>();

  /** `usual` are the models of every other pod. */
  constructor(usual: readonly string[]) {
    this.#usual = usual;
  }

  set({ name }: Pod, models: readonly string[]): void {
    this.#special.set(name, models);
  }

  isUsual({ name }: Pod): boolean {
    return !this.#special.has(name);
  }

  /** Models that the pod serves, an adapter among them. */
  of({ name }: Pod): readonly string[] {
    return this.#special.get(name) ?? this.#usual;
  }

  /** As a step of an observation says it: nothing where every pod serves every model. */
  serving(pods: readonly Pod[]): Pick<PodsStep, "serving"> {
    const special = pods.filter((pod) => !this.isUsual(pod));
    if (special.length === 0) return {};
    return { serving: Object.fromEntries(special.map((pod) => [pod.name, this.of(pod)])) };
  }
}
