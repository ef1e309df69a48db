/** A router over real HTTP in front of the kit's own pods, used by one case after another. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Agent } from "undici";
import type { RealClock } from "../../fixtures/clock.ts";
import { OperationalError } from "../../fixtures/operational-error.ts";
import { startFleet } from "../../mock-pods/fleet/fleet.ts";
import type { Fleet, Pod } from "../../mock-pods/pod/pod.ts";
import type { HttpRouter, PodAddress, RouterAdapter } from "../adapters/router-under-test.ts";
import { DEFAULT_PODS, type Case, type PodKind, withOtherThreshold } from "../case.ts";
import type { CarriedLoad, PodsStep } from "../observation.ts";
import { WINDOW_EDGE_MS } from "../oracle/load.ts";
import { loadWindowMs, SHORT_WINDOW_MS } from "../router-profile.ts";
import type { Session } from "../runner/session.ts";
import { CLEARS_ON_REQUEST } from "./pod-caches.ts";
import { FirstBytes } from "./first-bytes.ts";
import { openAgent } from "./exchange.ts";
import { HttpCaseLab } from "./http-case-lab.ts";
import { type Arrival, PodStage } from "./pod-stage.ts";

/** Pods answer as fast as they can: which pod is chosen does not depend on how long a token takes. */
const POD_SPEED = 1_000;
/** A pod that closes idle connections races with a router that uses them again, and a right one can lose. */
const ENVIRONMENT = { ...process.env, VLLM_HTTP_TIMEOUT_KEEP_ALIVE: "3600" };
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
  /** Models of pods that are not like the others. */
  readonly #special = new Map<string, readonly string[]>();
  /** Started for one case with another threshold. */
  #guest: HttpRouter | undefined;
  #agent: Agent = openAgent();
  #router: HttpRouter | undefined;
  #present: readonly Pod[];
  /** What the router was told last: a pod that failed on purpose is not present any more, but still known to it. */
  #told: readonly Pod[];
  #carried: Arrival[] = [];
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
    this.#present = fleet.pods;
    this.#told = fleet.pods;
    this.stage = new PodStage(fleet, () => options.clock.nowMs(), options.adapter.podsHost);
    for (const pod of fleet.pods) this.stage.watch(pod);
  }

  /** @throws {OperationalError} when pods cannot bind or the router does not start: never a failure of the router */
  static async start(options: SessionOptions): Promise<HttpSession> {
    const fleet = await startPods(options);
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

  /** Models that the pod serves, an adapter among them. */
  modelsOf({ name }: Pod): readonly string[] {
    return this.#special.get(name) ?? this.models;
  }

  /** As a step of an observation says it: nothing where every pod serves every model. */
  serving(): Pick<PodsStep, "serving"> {
    const special = this.#present.filter(({ name }) => this.#special.has(name));
    if (special.length === 0) return {};
    return { serving: Object.fromEntries(special.map((pod) => [pod.name, this.modelsOf(pod)])) };
  }

  async newPod(kind?: PodKind): Promise<Pod> {
    const models = kind?.models.map((index) => this.models[index] ?? "") ?? [];
    const adapter = kind?.adapter === true ? { "enable-lora": true, "lora-modules": `${ADAPTER}=/${ADAPTER}` } : {};
    const pod = await this.#fleet.add(
      kind === undefined ? {} : { flags: { "served-model-name": models.join(" "), ...adapter } },
    );
    if (kind !== undefined) this.#special.set(pod.name, kind.adapter === true ? [...models, ADAPTER] : models);
    this.stage.watch(pod);
    return pod;
  }

  /** Tells the router; resolves when it has acknowledged. */
  async setPods(pods: readonly Pod[]): Promise<void> {
    if (this.router.setPods === undefined) throw new OperationalError("ADAPTER_FAILED", "pods cannot be changed");
    this.#present = pods;
    this.#told = pods;
    await this.router.setPods(pods.map((pod) => this.#address(pod)));
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
    lab.begin(this.#carriedLoad(lab, sinceMs));
    return lab;
  }

  async #gather(lab: HttpCaseLab, { fleet, pods: wanted = DEFAULT_PODS }: Case["needs"]): Promise<void> {
    if (this.router.setPods === undefined) return;
    if (fleet !== undefined) return lab.adopt(await Promise.all(fleet.map((kind) => this.newPod(kind))));
    // Where the router counts what went before, only pods that it never used carry no load.
    const usual = this.#windowMs === undefined ? this.#present.filter(({ name }) => !this.#special.has(name)) : [];
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
    this.#carried = [];
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
      pods: this.#present.map((pod) => this.#address(pod)),
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

  #address(pod: Pod): PodAddress {
    const { name, profile: gpu } = pod;
    const url = `http://${this.stage.address(name)}`;
    const plain = { name, url, gpu, models: this.modelsOf(pod) };
    if (pod.kvEvents === undefined) return plain;
    const { hostname } = new URL(url);
    const { endpoint, replayEndpoint = "" } = pod.kvEvents;
    return { ...plain, kvEvents: { endpoint: at(hostname, endpoint), replayEndpoint: at(hostname, replayEndpoint) } };
  }

  /** For how long the router counts what went before as load; undefined where it does not, or its time can be moved. */
  get #windowMs(): number | undefined {
    return this.router.advance === undefined ? loadWindowMs(this.adapter.profile) : undefined;
  }

  /** What the router's load window may still count of these pods; `sinceMs` is when that router started. */
  #carriedLoad(lab: HttpCaseLab, sinceMs: number): readonly CarriedLoad[] {
    this.#carried.push(...this.stage.takeArrivals());
    const oldestMs = this.clock.nowMs() - (this.#windowMs ?? 0) - WINDOW_EDGE_MS;
    this.#carried = this.#carried.filter(
      ({ atMs, pod }) => atMs >= oldestMs && this.#present.some(({ name }) => name === pod),
    );
    if (this.#windowMs === undefined) return [];
    const served = new Map(
      lab
        .observation()
        .steps.flatMap((step) => (step.kind === "sent" && step.status === 200 ? [[step.requestId, step]] : [])),
    );
    return this.#carried.flatMap(({ requestId, pod, atMs, promptChars }): CarriedLoad[] => {
      if (atMs < sinceMs) return [];
      const step = served.get(requestId);
      return step?.pod === pod
        ? [{ pod, atMs, promptChars: step.prompt.text.length, surely: true }]
        : [{ pod, atMs, promptChars }];
    });
  }

  /** Pods that cannot be exchanged are free of load again when the window has passed. */
  async #waitForWindow(): Promise<void> {
    if (this.#windowMs === undefined || this.#windowMs > SHORT_WINDOW_MS || this.router.setPods !== undefined) return;
    this.#carried.push(...this.stage.takeArrivals());
    const latestMs = Math.max(0, ...this.#carried.map(({ atMs }) => atMs));
    await sleep(Math.max(0, latestMs + this.#windowMs + WINDOW_EDGE_MS - this.clock.nowMs()));
  }
}

/** The same port at the host by which the router knows the pod. */
const at = (hostname: string, endpoint: string): string => endpoint.replace(/^tcp:\/\/.*:/, `tcp://${hostname}:`);

const PUBLISHES = {
  "kv-events-config": JSON.stringify({
    enable_kv_cache_events: true,
    endpoint: "tcp://*:0",
    replay_endpoint: "tcp://*:0",
  }),
} as const;

/** Fresh pods on free ports; or on the addresses that a running router already points at. */
async function startPods({ adapter, models }: SessionOptions): Promise<Fleet> {
  const events = adapter.kvEvents === undefined ? {} : PUBLISHES;
  const flags = { ...events, ...adapter.podFlags, "served-model-name": models.join(" ") };
  const addresses = adapter.podsListen?.map((address) => new URL(`http://${address}`));
  const [first, ...others] = addresses ?? [];
  if (first === undefined) {
    const host = adapter.podsHost?.bind;
    return startFleet({
      pods: `a6000:${DEFAULT_PODS}`,
      speed: POD_SPEED,
      flags,
      environment: { ...ENVIRONMENT, ...(adapter.kvEvents === undefined ? {} : CLEARS_ON_REQUEST) },
      ...(host === undefined ? {} : { host }),
    });
  }
  const stranger = others.find(({ hostname }) => hostname !== first.hostname);
  if (stranger !== undefined) {
    throw new OperationalError(
      "USAGE",
      `pods must listen on one host, but ${stranger.hostname} and ${first.hostname} are two`,
    );
  }
  const address = { host: first.hostname, basePort: Number(first.port) };
  const fixed = { pods: "a6000:1", speed: POD_SPEED, flags, environment: ENVIRONMENT, ...address };
  const fleet = await startFleet(fixed).catch(explainTaken);
  try {
    for (const { port } of others) await fleet.add({ port: Number(port) });
    return fleet;
  } catch (error) {
    await fleet.close();
    return explainTaken(error);
  }
}

/** The advice of the fleet's own message is for who chose the port; here the router's author did. */
function explainTaken(error: unknown): never {
  if (!(error instanceof OperationalError) || error.code !== "PORT_IN_USE") throw error;
  const [what] = error.message.split(";");
  const message = `${what}; the kit's pods must bind it, for the router points at it: end what listens there`;
  throw new OperationalError("PORT_IN_USE", message, { cause: error });
}
