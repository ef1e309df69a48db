/** Asks each pod again and again how it is, and tells of the answers. */
import { parsePrometheusText } from "../../../fixtures/wire/prometheus-text.ts";
import type { PodAddress } from "../../adapters/router-under-test.ts";
import { getText } from "./get-text.ts";

export class PodWatch {
  readonly #everyMs: number;
  protected readonly look: (pod: PodAddress) => Promise<void>;
  readonly #asked = new Set<PodAddress>();
  #pods: readonly PodAddress[] = [];
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(everyMs: number, look: (pod: PodAddress) => Promise<void>) {
    this.#everyMs = everyMs;
    this.look = look;
    void this.#round();
  }

  /** Resolves when each has been looked at. */
  async setPods(pods: readonly PodAddress[]): Promise<void> {
    this.#pods = pods;
    await Promise.all(pods.map((pod) => this.look(pod)));
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /** A pod that has not answered yet holds up no other. */
  protected async lookAt(pods: readonly PodAddress[]): Promise<void> {
    for (const pod of pods) {
      if (this.#asked.has(pod)) continue;
      this.#asked.add(pod);
      void this.look(pod).finally(() => this.#asked.delete(pod));
    }
  }

  async #round(): Promise<void> {
    await this.lookAt(this.#pods);
    if (!this.#closed) this.#timer = setTimeout(() => void this.#round(), this.#everyMs);
  }
}

/** A gauge on the pod's metrics page; undefined when it cannot be read. */
export async function gaugeOf({ url }: PodAddress, name: string): Promise<number | undefined> {
  const page = await getText(new URL("/metrics", url));
  if (page === undefined) return undefined;
  const samples = parsePrometheusText(page).flatMap((family) => (family.name === name ? family.samples : []));
  return samples.reduce((sum, { value }) => sum + value, 0);
}

export const isHealthy = async ({ url }: PodAddress): Promise<boolean> =>
  (await getText(new URL("/health", url))) !== undefined;
