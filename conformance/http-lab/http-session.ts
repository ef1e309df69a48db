/** A router over real HTTP in front of the kit's own pods, used by one case after another. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Agent } from "undici";
import type { RealClock } from "../../fixtures/clock.ts";
import { OperationalError } from "../../fixtures/operational-error.ts";
import type { Fleet, Pod } from "../../mock-pods/pod/pod.ts";
import type { HttpRouter, PodAddress, RouterAdapter } from "../adapters/router-under-test.ts";
import { DEFAULT_PODS, type Case, type PodKind, withOtherThreshold } from "../case.ts";
import type { PodsStep } from "../observation.ts";
import { loadSignal, SHORT_WINDOW_MS } from "../oracle/load-signal.ts";
import { WINDOW_EDGE_MS } from "../oracle/request-load.ts";
import type { Session } from "../runner/session.ts";
import { CarriedArrivals } from "./carried-load.ts";
import { FirstBytes } from "./first-bytes.ts";
import { openAgent } from "./exchange.ts";
import { HttpCaseLab } from "./http-case-lab.ts";
import { addressOf } from "./pod-address.ts";
import { PodStage } from "./pod-stage.ts";
import { ServedModels } from "./served-models.ts";
import { startPods } from "./start-pods.ts";

const DRAIN_MS = 2_000;
const ADAPTER = "adapter-a";

export interface SessionOptions {
  readonly adapter: RouterAdapter;
  readonly seed: number;
  readonly clock: RealClock;
  /** Models that every pod serves. */
  readonly models: readonly string[];
}

export class HttpSession implements Session<HttpCaseLab> {
  readonly transport = "http";
  readonly adapter: RouterAdapter;
  readonly models: readonly string[];
  readonly loraAdapter = ADAPTER;
  readonly clock: RealClock;
  readonly stage: PodStage;
  readonly firstBytes = new FirstBytes();
  readonly #fleet: Fleet;
  readonly #seed: number;
  readonly #served: ServedModels;
  readonly #carried = new CarriedArrivals();
  /** Started for one case with another threshold. */
  #guest: HttpRouter | undefined;
  #agent: Agent = openAgent();
  #router: HttpRouter | undefined;
  #present: readonly Pod[];
  /** What the router was told last: a pod that failed on purpose is not present any more, but still known to it. */
  #told: readonly Pod[];
  #requestCount = 0;
  #requestMs = Infinity;
  #spoiled = false;
  /** Nothing was sent to this router yet: it may still be finding its pods. */
  #fresh = true;

  private constructor(options: SessionOptions, fleet: Fleet) {
    this.adapter = options.adapter;
    this.models = options.models;
    this.clock = options.clock;
    this.#seed = options.seed;
    this.#fleet = fleet;
    this.#served = new ServedModels(options.models);
    this.#present = fleet.pods;
    this.#told = fleet.pods;
    this.stage = new PodStage(fleet, () => options.clock.nowMs(), options.adapter.podsHost);
    for (const pod of fleet.pods) this.stage.watch(pod);
  }

  /** @throws {OperationalError} when pods cannot bind or the router does not start: never a failure of the router */
  static async start(options: SessionOptions): Promise<HttpSession> {
    const fleet = await startPods(options.adapter, options.models);
    const session = new HttpSession(options, fleet);
    try {
      await session.#startRouter();
      return session;
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  get router(): HttpRouter {
    const router = this.#guest ?? this.#router;
    if (router === undefined) throw new Error("the router is not running");
    return router;
  }

  get canAdvance(): boolean {
    return this.router.advance !== undefined;
  }

  get fixedPods(): number | undefined {
    return this.router.setPods === undefined ? this.#present.length : undefined;
  }

  /** What is left, in milliseconds, of the time that the router is declared to need until its rule holds. */
  settlesInMs(): number {
    return this.router.settlesInMs?.() ?? 0;
  }

  /** How long the quickest request took so far: what a slow router needs for each. */
  get requestMs(): number {
    return Number.isFinite(this.#requestMs) ? this.#requestMs : 0;
  }

  took(ms: number): void {
    this.#requestMs = Math.min(this.#requestMs, ms);
  }

  died(): string | undefined {
    return this.#guest?.died?.() ?? this.#router?.died?.();
  }

  /** The router must not be trusted with another case. */
  spoil(): void {
    this.#spoiled = true;
  }

  get spoiled(): boolean {
    return this.#spoiled;
  }

  get agent(): Agent {
    return this.#agent;
  }

  get present(): readonly Pod[] {
    return this.#present;
  }

  /** Whether the router knows a pod that is not among these. */
  knowsMoreThan(pods: readonly Pod[]): boolean {
    return this.#told.some((pod) => !pods.includes(pod));
  }

  newRequestId(caseId: string): string {
    return `routeproof-${caseId.toLowerCase()}-${this.#seed}-${this.#requestCount++}`;
  }

  pod(name: string): Pod {
    return this.#fleet.pod(name);
  }

  modelsOf(pod: Pod): readonly string[] {
    return this.#served.of(pod);
  }

  serving(): Pick<PodsStep, "serving"> {
    return this.#served.serving(this.#present);
  }

  async newPod(kind?: PodKind): Promise<Pod> {
    const models = kind?.models.map((index) => this.models[index] ?? "") ?? [];
    const adapter = kind?.adapter === true ? { "enable-lora": true, "lora-modules": `${ADAPTER}=/${ADAPTER}` } : {};
    const pod = await this.#fleet.add(
      kind === undefined ? {} : { flags: { "served-model-name": models.join(" "), ...adapter } },
    );
    if (kind !== undefined) this.#served.set(pod, kind.adapter === true ? [...models, ADAPTER] : models);
    this.stage.watch(pod);
    return pod;
  }

  /** Tells the router; resolves when it has acknowledged. */
  async setPods(pods: readonly Pod[]): Promise<void> {
    if (this.router.setPods === undefined) throw new OperationalError("ADAPTER_FAILED", "pods cannot be changed");
    this.#present = pods;
    this.#told = pods;
    await this.router.setPods(pods.map((pod) => this.#addressOf(pod)));
  }

  /** A lab for one case, with as many pods as it asks for: those of the case before where they are unharmed. */
  async lab({ id, needs }: Pick<Case, "id" | "needs">, seed: number): Promise<HttpCaseLab> {
    const { profile } = this.adapter;
    const own = needs.otherThreshold === true ? withOtherThreshold(profile) : profile;
    const lab = new HttpCaseLab(this, own, { id, seed, anyPod: needs.anyPod === true });
    if (this.#fresh) await lab.warmUp();
    this.#fresh = false;
    await this.#gather(lab, needs);
    let sinceMs = -Infinity;
    if (own !== profile) {
      sinceMs = this.clock.nowMs();
      this.#guest = await this.#start(own.threshold?.value);
      await lab.warmUp();
    }
    if (needs.load === true) await this.#waitForWindow();
    this.#carried.add(this.stage.takeArrivals());
    lab.begin(
      this.#carried.loads({
        nowMs: this.clock.nowMs(),
        windowMs: this.#windowMs ?? 0,
        pods: this.#present.map(({ name }) => name),
        sinceMs,
        steps: lab.observation().steps,
      }),
    );
    return lab;
  }

  async #gather(lab: HttpCaseLab, { fleet, pods: wanted = DEFAULT_PODS }: Case["needs"]): Promise<void> {
    if (this.router.setPods === undefined) return;
    if (fleet !== undefined) return lab.adopt(await Promise.all(fleet.map((kind) => this.newPod(kind))));
    // Where the router counts what went before, only pods that it never used carry no load.
    const usual = this.#windowMs === undefined ? this.#present.filter((pod) => this.#served.isUsual(pod)) : [];
    const kept = usual.slice(0, wanted);
    const known = this.#told.length === kept.length && kept.every((pod) => this.#told.includes(pod));
    if (kept.length === wanted && known) return;
    const added = await Promise.all(Array.from({ length: wanted - kept.length }, () => this.newPod()));
    await lab.adopt([...kept, ...added]);
  }

  /** After a case: nothing is open, nothing scripted; pods that failed on purpose give way to fresh ones. */
  async end(lab: HttpCaseLab): Promise<void> {
    await lab.releaseAll();
    await this.stage.idle(DRAIN_MS);
    await this.#guest?.close();
    this.#guest = undefined;
    const { tainted } = this.stage;
    await this.stage.reset();
    if (this.router.setPods !== undefined) this.#present = this.#present.filter(({ name }) => !tainted.has(name));
    for (const pod of this.#fleet.pods) {
      // The router may still know a pod that is no longer present here: it is told at the next case, before it is closed.
      if (!this.#present.includes(pod) && !tainted.has(pod.name) && !lab.pods().includes(pod.name)) {
        await this.#fleet.remove(pod.name);
      } else pod.clearJournal();
    }
  }

  async refreshPods(): Promise<void> {
    if (this.router.setPods !== undefined) this.#present = [];
  }

  /** Stops the router and starts it anew in front of fresh pods. */
  async restart(): Promise<void> {
    await this.#stopRouter();
    // The case before may have broken off with a pod down, of which the next one knows nothing.
    await this.stage.reset();
    const old = this.#fleet.pods;
    if (this.adapter.podsListen === undefined) {
      this.#present = await Promise.all(Array.from({ length: DEFAULT_PODS }, () => this.newPod()));
      for (const pod of old) await this.#fleet.remove(pod.name);
    }
    this.#carried.forget();
    await this.#startRouter();
  }

  async close(): Promise<void> {
    await this.#stopRouter();
    await this.#fleet.close();
  }

  async #startRouter(): Promise<void> {
    this.#router = await this.#start();
    this.#told = this.#present;
    this.#fresh = true;
    this.#spoiled = false;
  }

  async #start(threshold?: number): Promise<HttpRouter> {
    const router = await this.adapter.start({
      pods: this.#present.map((pod) => this.#addressOf(pod)),
      seed: this.#seed,
      clock: this.clock,
      ...(threshold === undefined ? {} : { threshold }),
    });
    if (router.kind === "http") return router;
    await router.close();
    throw new OperationalError("ADAPTER_FAILED", `${this.adapter.name} is a function: it has no HTTP to speak`);
  }

  async #stopRouter(): Promise<void> {
    await this.#agent.destroy();
    this.#agent = openAgent();
    await this.#guest?.close();
    this.#guest = undefined;
    await this.#router?.close();
    this.#router = undefined;
  }

  #addressOf(pod: Pod): PodAddress {
    return addressOf(pod, `http://${this.stage.address(pod.name)}`, this.modelsOf(pod));
  }

  /** For how long the router counts what went before as load; undefined where it does not, or its time can be moved. */
  get #windowMs(): number | undefined {
    return this.router.advance === undefined ? loadSignal(this.adapter.profile)?.windowMs : undefined;
  }

  /** Pods that cannot be exchanged are free of load again when the window has passed. */
  async #waitForWindow(): Promise<void> {
    if (this.#windowMs === undefined || this.#windowMs > SHORT_WINDOW_MS || this.router.setPods !== undefined) return;
    this.#carried.add(this.stage.takeArrivals());
    const freeMs = this.#carried.latestMs() + this.#windowMs + WINDOW_EDGE_MS;
    await sleep(Math.max(0, freeMs - this.clock.nowMs()));
  }
}
