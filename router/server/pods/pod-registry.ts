/**
 * Which pods there are and which of them are ready, from whatever source of discovery, and the news of it for the
 * decision. Identity is name and address: a pod under the same name at another address is another pod, and cold.
 */
import type { RoutedPod } from "../../../fixtures/routing.ts";
import type { BreakerOptions } from "./circuit-breaker.ts";
import { PodLink, type ModelCard, type PodTimeouts } from "./pod-link.ts";
import type { PodSpec } from "./pod-spec.ts";

export interface RegistryOptions {
  readonly timeouts: PodTimeouts;
  readonly breaker: BreakerOptions;
  /** Prices a pod whose spec names no GPU. */
  readonly defaultGpu?: string | undefined;
  /** The ready set changed, or what a ready pod serves. */
  readonly onReadyChange: (pods: readonly RoutedPod[]) => void;
  /** A pod joined: probe it. */
  readonly onAdd: (pod: PodLink) => void;
  /** A pod left the set; what it is working on goes on. */
  readonly onRemove: (pod: PodLink) => void;
  /** A pod that left has finished its work. */
  readonly onGone: (pod: PodLink) => void;
}

export class PodRegistry {
  readonly #options: RegistryOptions;
  readonly #pods = new Map<string, PodLink>();
  /** Removed, with requests still under way. */
  readonly #draining = new Set<PodLink>();
  #readyKey = "";

  constructor(options: RegistryOptions) {
    this.#options = options;
  }

  all(): PodLink[] {
    return [...this.#pods.values()];
  }

  draining(): PodLink[] {
    return [...this.#draining];
  }

  get(name: string): PodLink | undefined {
    return this.#pods.get(name);
  }

  /** Names of ready pods that must rest a while: their breaker is open, or a connection to them just failed. */
  unavailable(nowMs: number): string[] {
    const names: string[] = [];
    for (const pod of this.#pods.values()) if (pod.ready && !pod.available(nowMs)) names.push(pod.name);
    return names;
  }

  /** False when every pod is known to serve other models only. With no pod at all nothing is known. */
  mayServe(model: string): boolean {
    if (this.#pods.size === 0) return true;
    for (const pod of this.#pods.values()) if (pod.serves(model)) return true;
    return false;
  }

  /** Makes the set exactly this, at once: pods named in both lists with the same address keep what they have. */
  replace(specs: readonly PodSpec[]): void {
    const wanted = new Map(specs.map((spec) => [spec.name, spec]));
    for (const pod of this.all()) {
      const spec = wanted.get(pod.name);
      if (spec === undefined || !same(spec, pod.spec)) this.#drop(pod);
    }
    for (const spec of wanted.values()) if (!this.#pods.has(spec.name)) this.#join(spec);
    this.announce();
  }

  /** Tells the decision which pods are ready, if that changed. */
  announce(): void {
    const { defaultGpu, onReadyChange } = this.#options;
    const ready = this.all()
      .filter((pod) => pod.ready)
      .map((pod): RoutedPod => {
        const gpu = pod.spec.gpu ?? defaultGpu;
        const models = pod.modelNames;
        return { name: pod.name, ...(gpu === undefined ? {} : { gpu }), ...(models === undefined ? {} : { models }) };
      });
    const key = JSON.stringify(ready);
    if (key === this.#readyKey) return;
    this.#readyKey = key;
    onReadyChange(ready);
  }

  /** Every model that a ready pod serves, each once, as the first pod that has it describes it. */
  modelCards(): ModelCard[] {
    const cards = new Map<string, ModelCard>();
    for (const pod of this.all()) {
      if (!pod.ready) continue;
      for (const id of pod.modelNames ?? []) {
        if (cards.has(id)) continue;
        cards.set(id, pod.models?.find((card) => card.id === id) ?? { id, object: "model", owned_by: "vllm" });
      }
    }
    return [...cards.values()];
  }

  async close(): Promise<void> {
    const links = [...this.#pods.values(), ...this.#draining];
    this.#pods.clear();
    await Promise.all(links.map((pod) => pod.pool.destroy()));
  }

  #join(spec: PodSpec): PodLink {
    const pod = new PodLink(spec, this.#options.timeouts, this.#options.breaker);
    this.#pods.set(spec.name, pod);
    this.#options.onAdd(pod);
    return pod;
  }

  #drop(pod: PodLink): void {
    this.#pods.delete(pod.name);
    this.#draining.add(pod);
    this.#options.onRemove(pod);
    // A drop and a join within one replacement must reach the decision as two: the pod that comes back holds nothing.
    this.announce();
    void pod.pool.close().finally(() => {
      this.#draining.delete(pod);
      this.#options.onGone(pod);
    });
  }
}

function same(a: PodSpec, b: PodSpec): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
