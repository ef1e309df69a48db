/** What a strategy keeps for each pod, from `podAdded` to `podRemoved`. */
import type { ReadyPod } from "./strategies/strategy.ts";

export class PerPod<T> {
  readonly #items = new Map<ReadyPod, T>();

  get size(): number {
    return this.#items.size;
  }

  add(pod: ReadyPod, item: T): void {
    this.#items.set(pod, item);
  }

  of(pod: ReadyPod): T {
    const item = this.#items.get(pod);
    if (item === undefined) throw new Error(`pod ${pod.name} was never added`);
    return item;
  }

  remove(pod: ReadyPod): T {
    const item = this.of(pod);
    this.#items.delete(pod);
    return item;
  }

  values(): Iterable<T> {
    return this.#items.values();
  }

  entries(): Iterable<readonly [ReadyPod, T]> {
    return this.#items;
  }
}
