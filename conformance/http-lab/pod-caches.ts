/** What pods hold in their KV caches: read, lost, and told of by events that go astray. */
import type { CacheLoss, EventTrouble } from "./scripted-pods.ts";
import type { Fleet } from "../../mock-pods/pod/pod.ts";

/** vLLM clears a cache on request in development mode only. */
export const CLEARS_ON_REQUEST = { VLLM_SERVER_DEV_MODE: "1" } as const;

export class PodCaches {
  readonly #fleet: Fleet;
  readonly #troubles = new Map<string, () => void>();

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
  }

  cachedTokens(name: string, prompt: string): number {
    return this.#fleet.pod(name).holdsPrefix(prompt);
  }

  async lose(name: string, how: CacheLoss): Promise<void> {
    const pod = this.#fleet.pod(name);
    if (how === "AllBlocksCleared") {
      await pod.fetch(new Request(`${pod.url}/reset_prefix_cache`, { method: "POST" }));
      return;
    }
    // Blocks that are taken out of use are evicted one by one.
    const restore = pod.inject({ kind: "less-cache", blocks: pod.stats().totalBlocks });
    restore();
  }

  trouble(name: string, how: EventTrouble | undefined): void {
    this.#troubles.get(name)?.();
    this.#troubles.delete(name);
    if (how !== undefined) this.#troubles.set(name, this.#fleet.pod(name).inject({ kind: "kv-events", how }));
  }

  reset(): void {
    for (const name of this.#troubles.keys()) this.trouble(name, undefined);
  }
}
