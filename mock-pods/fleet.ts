/** Several pods in one process, each on its own port, all on one clock. */
import { OperationalError } from "../fixtures/operational-error.ts";
import { cl100k } from "../fixtures/tokenizer/cl100k.ts";
import type { Tokenizer } from "../fixtures/tokenizer/tokenizer.ts";
import { MockPod } from "./mock-pod.ts";
import { parsePodGroups } from "./pod-groups.ts";
import { podSettings } from "./pod-settings.ts";
import type { Fleet, FleetOptions, JournalEntry, Pod } from "./pod.ts";
import { RealTimeDriver } from "./real-time-driver.ts";

export const DEFAULT_MODEL = "mistralai/Mistral-7B-Instruct-v0.2";

/**
 * Starts every pod and resolves when all of them listen; on failure none is left running.
 *
 * @throws OperationalError USAGE, UNKNOWN_PROFILE or PORT_IN_USE
 */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const groups = parsePodGroups(options.pods);
  const fleet = new MockFleet(options, groups[0]?.profile ?? "a6000");
  try {
    await Promise.all(
      groups.flatMap(({ profile, count }) => Array.from({ length: count }, () => fleet.add({ profile }))),
    );
  } catch (error) {
    await fleet.close();
    throw error;
  }
  return fleet;
}

class MockFleet implements Fleet {
  readonly #options: FleetOptions;
  readonly #firstProfile: string;
  readonly #driver: RealTimeDriver;
  readonly #tokenizer: Tokenizer = cl100k;
  /** Every pod there ever was, for the journal. */
  readonly #all: MockPod[] = [];
  #pods: readonly MockPod[] = [];

  constructor(options: FleetOptions, firstProfile: string) {
    this.#options = options;
    this.#firstProfile = firstProfile;
    this.#driver = new RealTimeDriver(options.speed ?? 1);
  }

  get pods(): readonly Pod[] {
    return this.#pods;
  }

  pod(which: number | string): Pod {
    return this.#find(which);
  }

  async add(group: { readonly profile?: string; readonly port?: number } = {}): Promise<Pod> {
    const { model = DEFAULT_MODEL, host = "127.0.0.1", basePort = 0, flags = {} } = this.#options;
    const profile = group.profile ?? this.#firstProfile;
    const number = this.#all.length;
    const pod = new MockPod({
      name: `${profile.replace(/-monotone$/, "")}-${number}`,
      host,
      port: group.port ?? (basePort === 0 ? 0 : basePort + number),
      settings: podSettings(profile, model, flags),
      tokenizer: this.#tokenizer,
      driver: this.#driver,
    });
    this.#all.push(pod);
    this.#pods = [...this.#pods, pod];
    try {
      await pod.start();
    } catch (error) {
      this.#pods = this.#pods.filter((other) => other !== pod);
      throw error;
    }
    return pod;
  }

  async remove(which: number | string): Promise<void> {
    const pod = this.#find(which);
    this.#pods = this.#pods.filter((other) => other !== pod);
    await pod.crash();
  }

  journal(): readonly JournalEntry[] {
    return this.#all.flatMap((pod) => pod.journal()).sort((a, b) => a.arrivedMs - b.arrivedMs);
  }

  async close(): Promise<void> {
    this.#pods = [];
    await Promise.all(this.#all.map((pod) => pod.crash()));
    this.#driver.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #find(which: number | string): MockPod {
    const pod = typeof which === "number" ? this.#pods[which] : this.#pods.find(({ name }) => name === which);
    if (pod !== undefined) return pod;
    const names = this.#pods.map(({ name }) => name).join(", ");
    throw new OperationalError("USAGE", `no pod ${JSON.stringify(which)} in this fleet; it has ${names || "none"}`);
  }
}
