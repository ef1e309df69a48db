/** Several pods in one process, each on its own port, all on one clock. */
import { OperationalError } from "../../fixtures/operational-error.ts";
import { cl100k } from "../../fixtures/tokenizer/cl100k.ts";
import { folderTokenizer } from "../../fixtures/tokenizer/folder-tokenizer.ts";
import type { ModelTokenizer } from "../../fixtures/tokenizer/model-tokenizer.ts";
import { readJsonFile } from "../../fixtures/schema.ts";
import { checkFaultPlan, type FaultPlan } from "../faults/fault.ts";
import { assertFleetOptions } from "./fleet-options.ts";
import { parsePodGroups } from "./pod-groups.ts";
import { DEFAULT_MODEL, podSettings, type PodSettings } from "../arguments/pod-settings.ts";
import type { Fleet, FleetLateness, FleetOptions, JournalEntry, Pod } from "../pod/pod.ts";
import { RealTimeDriver } from "../drivers/real-time-driver.ts";
import { ServedPod } from "../pod/served-pod.ts";

/** About one step of a card. */
const TOO_LATE_MS = 25;

/**
 * Starts every pod and resolves when all of them listen; on failure none is left running.
 *
 * @throws OperationalError USAGE, UNKNOWN_PROFILE or PORT_IN_USE
 */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  assertFleetOptions(options);
  const groups = parsePodGroups(options?.pods);
  const fleet = new MockFleet(options, groups[0]?.profile ?? "a6000");
  try {
    await Promise.all(
      groups.flatMap(({ profile, count }) => Array.from({ length: count }, () => fleet.add({ profile }))),
    );
    if (options.faults !== undefined) fleet.injectAll(options.faults);
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
  readonly #tokenizer: ModelTokenizer;
  /** Every pod there ever was, for the journal. */
  readonly #all: ServedPod[] = [];
  readonly #settings = new Map<string, PodSettings>();
  #pods: ServedPod[] = [];

  constructor(options: FleetOptions, firstProfile: string) {
    this.#options = options;
    this.#firstProfile = firstProfile;
    this.#tokenizer = options.tokenizer === undefined ? cl100k : folderTokenizer(options.tokenizer);
    this.#driver = new RealTimeDriver(options.speed ?? 1);
  }

  get pods(): readonly Pod[] {
    return [...this.#pods];
  }

  pod(which: number | string): Pod {
    return this.#find(which);
  }

  async add(group: NonNullable<Parameters<Fleet["add"]>[0]> = {}): Promise<Pod> {
    const { host = "127.0.0.1", basePort = 0 } = this.#options;
    const profile = group.profile ?? this.#firstProfile;
    const number = this.#all.length;
    const pod = new ServedPod({
      name: `${profile.replace(/-monotone$/, "")}-${number}`,
      host,
      port: group.port ?? (basePort === 0 ? 0 : basePort + number),
      settings: this.#settingsOf(profile, group.flags),
      tokenizer: this.#tokenizer,
      ...(this.#options.answers !== undefined && { answers: this.#options.answers }),
      driver: this.#driver,
      seed: this.#options.seed ?? 0,
      number,
    });
    this.#all.push(pod);
    this.#pods.push(pod);
    try {
      await pod.start();
    } catch (error) {
      this.#pods = this.#pods.filter((other) => other !== pod);
      throw error;
    }
    return pod;
  }

  /** One for all pods of a profile that have no flags of their own. */
  #settingsOf(profile: string, own?: FleetOptions["flags"]): PodSettings {
    const known = own === undefined ? this.#settings.get(profile) : undefined;
    if (known !== undefined) return known;
    const { model = DEFAULT_MODEL, flags = {}, environment = process.env } = this.#options;
    const { contextTokens } = this.#tokenizer;
    const settings = podSettings(profile, model, { ...flags, ...own }, { environment, contextTokens });
    if (own === undefined) this.#settings.set(profile, settings);
    return settings;
  }

  /** @throws OperationalError for a file that cannot be read, a fault that cannot be, or a pod that is not there */
  injectAll(plan: FaultPlan | string): void {
    const source = typeof plan === "string" ? plan : "faults";
    const { faults } = checkFaultPlan(typeof plan === "string" ? readJsonFile(plan) : plan, source);
    for (const { pod, fault } of faults) {
      for (const struck of pod === "*" ? this.#pods : [this.#find(pod)]) struck.inject(fault);
    }
  }

  async remove(which: number | string): Promise<void> {
    const pod = this.#find(which);
    this.#pods = this.#pods.filter((other) => other !== pod);
    await pod.crash();
  }

  lateness(): FleetLateness {
    const { count, maxMs } = this.#driver.lateness;
    const p99Ms = this.#driver.lateness.quantileMs(0.99);
    return { steps: count, p99Ms, maxMs, valid: p99Ms <= TOO_LATE_MS };
  }

  journal(): readonly JournalEntry[] {
    return this.#all.flatMap((pod) => pod.journal()).sort((a, b) => a.arrivedMs - b.arrivedMs);
  }

  async shutdown(): Promise<void> {
    await Promise.all(this.#pods.map((pod) => pod.shutdown()));
  }

  async close(): Promise<void> {
    this.#pods = [];
    await Promise.all(this.#all.map((pod) => pod.crash()));
    this.#driver.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #find(which: number | string): ServedPod {
    const pod = typeof which === "number" ? this.#pods[which] : this.#pods.find(({ name }) => name === which);
    if (pod !== undefined) return pod;
    const names = this.#pods.map(({ name }) => name).join(", ");
    throw new OperationalError("USAGE", `no pod ${JSON.stringify(which)} in this fleet; it has ${names || "none"}`);
  }
}
