/**
 * Pods from several sources at once (command line, file, DNS, cluster, admin port): the registry gets their union.
 *
 * Each source speaks for its own pods only. What an operator removes by hand stays away until its source speaks again.
 */
import type { PodRegistry } from "./pod-registry.ts";
import type { PodSpec } from "./pod-spec.ts";

export class PodSources {
  readonly #registry: PodRegistry;
  /** In the order in which sources first spoke; of two with one name or address the first stands. */
  readonly #lists = new Map<string, readonly PodSpec[]>();

  constructor(registry: PodRegistry) {
    this.#registry = registry;
  }

  /** The source's pods are now exactly these. */
  set(source: string, specs: readonly PodSpec[]): void {
    this.#lists.set(source, specs);
    this.#apply();
  }

  /** Every source is silenced but this one. */
  setAll(source: string, specs: readonly PodSpec[]): void {
    this.#lists.clear();
    this.set(source, specs);
  }

  /** Adds one pod; a pod of the same name gives way to it. */
  add(source: string, spec: PodSpec): void {
    this.#forget(spec.name);
    this.#lists.set(source, [...(this.#lists.get(source) ?? []), spec]);
    this.#apply();
  }

  remove(name: string): void {
    this.#forget(name);
    this.#apply();
  }

  sourceOf(name: string): string | undefined {
    for (const [source, specs] of this.#lists) if (specs.some((spec) => spec.name === name)) return source;
    return undefined;
  }

  #forget(name: string): void {
    for (const [source, specs] of this.#lists) {
      this.#lists.set(
        source,
        specs.filter((spec) => spec.name !== name),
      );
    }
  }

  #apply(): void {
    const names = new Set<string>();
    const urls = new Set<string>();
    const union: PodSpec[] = [];
    for (const spec of [...this.#lists.values()].flat()) {
      if (names.has(spec.name) || urls.has(spec.url)) continue;
      names.add(spec.name);
      urls.add(spec.url);
      union.push(spec);
    }
    this.#registry.replace(union);
  }
}
