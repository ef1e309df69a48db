/** The pods of a session: those that are there, what they serve, and what the router was told of them. */
import type { Fleet, Pod } from "../../mock-pods/pod/pod.ts";
import type { PodAddress } from "../adapters/router-under-test.ts";
import { DEFAULT_PODS, type PodKind } from "../case.ts";
import type { PodsStep } from "../observation.ts";
import { addressOf } from "./pod-address.ts";
import { PodStage } from "./pod-stage.ts";
import type { RunningRouter } from "./running-router.ts";
import { ServedModels } from "./served-models.ts";

/** The LoRA adapter of pods whose kind has one. */
export const LORA_ADAPTER = "adapter-a";

export class SessionPods {
  /** Models that every usual pod serves. */
  readonly models: readonly string[];
  readonly stage: PodStage;
  readonly #fleet: Fleet;
  readonly #router: RunningRouter;
  readonly #served: ServedModels;
  #present: readonly Pod[];
  /** What the router was told last: a pod that failed on purpose is not present any more, but still known to it. */
  #told: readonly Pod[];

  constructor(fleet: Fleet, models: readonly string[], router: RunningRouter, nowMs: () => number) {
    this.models = models;
    this.#fleet = fleet;
    this.#router = router;
    this.#served = new ServedModels(models);
    this.#present = fleet.pods;
    this.#told = fleet.pods;
    this.stage = new PodStage(fleet, nowMs, router.adapter.podsHost);
    for (const pod of fleet.pods) this.stage.watch(pod);
  }

  get present(): readonly Pod[] {
    return this.#present;
  }

  pod(name: string): Pod {
    return this.#fleet.pod(name);
  }

  modelsOf(pod: Pod): readonly string[] {
    return this.#served.of(pod);
  }

  /** As a step of an observation says it. */
  serving(): Pick<PodsStep, "serving"> {
    return this.#served.serving(this.#present);
  }

  /** What the router is told of those that are there. */
  addresses(): PodAddress[] {
    return this.#present.map((pod) => addressOf(pod, `http://${this.stage.address(pod.name)}`, this.#served.of(pod)));
  }

  get changeable(): boolean {
    return this.#router.router.setPods !== undefined;
  }

  /** Whether the router knows a pod that is not among these. */
  knowsMoreThan(pods: readonly Pod[]): boolean {
    return this.#told.some((pod) => !pods.includes(pod));
  }

  async add(kind?: PodKind): Promise<Pod> {
    const models = kind?.models.map((index) => this.models[index] ?? "") ?? [];
    const adapter =
      kind?.adapter === true ? { "enable-lora": true, "lora-modules": `${LORA_ADAPTER}=/${LORA_ADAPTER}` } : {};
    const pod = await this.#fleet.add(
      kind === undefined ? {} : { flags: { "served-model-name": models.join(" "), ...adapter } },
    );
    if (kind !== undefined) this.#served.set(pod, kind.adapter === true ? [...models, LORA_ADAPTER] : models);
    this.stage.watch(pod);
    return pod;
  }

  /** Tells the router; resolves when it has acknowledged. */
  async tell(pods: readonly Pod[]): Promise<void> {
    this.#present = pods;
    this.#told = pods;
    await this.#router.setPods(this.addresses());
  }

  /** A started router knows those that are there. */
  told(): void {
    this.#told = this.#present;
  }

  /** So many usual pods, those that are there first where they may be `kept`; undefined where the router knows just these. */
  async usual(wanted: number, kept: boolean): Promise<readonly Pod[] | undefined> {
    const old = kept ? this.#present.filter((pod) => this.#served.isUsual(pod)).slice(0, wanted) : [];
    const known = this.#told.length === old.length && old.every((pod) => this.#told.includes(pod));
    if (old.length === wanted && known) return undefined;
    const added = await Promise.all(Array.from({ length: wanted - old.length }, () => this.add()));
    return [...old, ...added];
  }

  /** After a case that knew `lastKnown`: nothing is scripted any more, and pods that failed on purpose are not there. */
  async clear(lastKnown: readonly string[]): Promise<void> {
    const { tainted } = this.stage;
    await this.stage.reset();
    if (this.changeable) this.#present = this.#present.filter(({ name }) => !tainted.has(name));
    for (const pod of this.#fleet.pods) {
      // The router may still know a pod that is no longer present here: it is told at the next case, before it is closed.
      if (!this.#present.includes(pod) && !tainted.has(pod.name) && !lastKnown.includes(pod.name)) {
        await this.#fleet.remove(pod.name);
      } else pod.clearJournal();
    }
  }

  /** The next case begins with fresh ones. */
  leaveAll(): void {
    if (this.changeable) this.#present = [];
  }

  /** Fresh ones for a router that is not running, where their addresses may change. */
  async renew(): Promise<void> {
    // The case before may have broken off with a pod down, of which the next one knows nothing.
    await this.stage.reset();
    if (this.#router.adapter.podsListen !== undefined) return;
    const old = this.#fleet.pods;
    this.#present = await Promise.all(Array.from({ length: DEFAULT_PODS }, () => this.add()));
    for (const pod of old) await this.#fleet.remove(pod.name);
  }

  close(): Promise<void> {
    return this.#fleet.close();
  }
}
