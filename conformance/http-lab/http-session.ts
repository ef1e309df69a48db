/** A router over real HTTP in front of the kit's own pods, used by one case after another. */
import { setTimeout as sleep } from "node:timers/promises";
import type { RealClock } from "../../fixtures/clock.ts";
import type { Fleet } from "../../mock-pods/pod/pod.ts";
import type { RouterAdapter } from "../adapters/router-under-test.ts";
import { DEFAULT_PODS, type Case, withOtherThreshold } from "../case.ts";
import { loadSignal, SHORT_WINDOW_MS } from "../oracle/load-signal.ts";
import { WINDOW_EDGE_MS } from "../oracle/request-load.ts";
import type { Session } from "../runner/session.ts";
import { CarriedArrivals } from "./carried-load.ts";
import { HttpCaseLab } from "./http-case-lab.ts";
import { RunningRouter } from "./running-router.ts";
import { SessionPods } from "./session-pods.ts";
import { startPods } from "./start-pods.ts";

const DRAIN_MS = 2_000;

export interface SessionOptions {
  readonly adapter: RouterAdapter;
  readonly seed: number;
  readonly clock: RealClock;
  /** Models that every pod serves. */
  readonly models: readonly string[];
  /** Ends the wait for a router that is not ready yet. */
  readonly signal?: AbortSignal | undefined;
}

export class HttpSession implements Session<HttpCaseLab> {
  readonly transport = "http";
  readonly #seed: number;
  readonly #clock: RealClock;
  readonly #running: RunningRouter;
  readonly #pods: SessionPods;
  readonly #carried = new CarriedArrivals();
  #requestCount = 0;
  /** Nothing was sent to this router yet: it may still be finding its pods. */
  #fresh = true;

  private constructor({ adapter, seed, clock, models, signal }: SessionOptions, fleet: Fleet) {
    this.#seed = seed;
    this.#clock = clock;
    this.#running = new RunningRouter(adapter, seed, clock, signal);
    this.#pods = new SessionPods(fleet, models, this.#running, () => clock.nowMs());
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

  get canAdvance(): boolean {
    return this.#running.router.advance !== undefined;
  }

  get fixedPods(): number | undefined {
    return this.#pods.changeable ? undefined : this.#pods.present.length;
  }

  get requestMs(): number {
    return this.#running.requestMs;
  }

  get spoiled(): boolean {
    return this.#running.spoiled;
  }

  died(): string | undefined {
    return this.#running.died();
  }

  /** A lab for one case, with as many pods as it asks for: those of the case before where they are unharmed. */
  async lab({ id, needs }: Pick<Case, "id" | "needs">, seed: number): Promise<HttpCaseLab> {
    const { profile } = this.#running.adapter;
    const own = needs.otherThreshold === true ? withOtherThreshold(profile) : profile;
    const lab = new HttpCaseLab({
      caseId: id,
      seed,
      profile: own,
      anyPod: needs.anyPod === true,
      running: this.#running,
      pods: this.#pods,
      nowMs: () => this.#clock.nowMs(),
      newRequestId: () => `routeproof-${id.toLowerCase()}-${this.#seed}-${this.#requestCount++}`,
    });
    if (this.#fresh) await lab.warmUp();
    this.#fresh = false;
    await this.#gather(lab, needs);
    let sinceMs = -Infinity;
    if (own !== profile) {
      sinceMs = this.#clock.nowMs();
      await this.#running.startGuest(this.#pods.addresses(), own.threshold?.value);
      await lab.warmUp();
    }
    if (needs.load === true) await this.#waitForWindow();
    this.#carried.add(this.#pods.stage.takeArrivals());
    lab.begin(
      this.#carried.loads({
        nowMs: this.#clock.nowMs(),
        windowMs: this.#windowMs ?? 0,
        pods: this.#pods.present.map(({ name }) => name),
        sinceMs,
        steps: lab.observation().steps,
      }),
    );
    return lab;
  }

  async #gather(lab: HttpCaseLab, { fleet, pods: wanted = DEFAULT_PODS }: Case["needs"]): Promise<void> {
    if (!this.#pods.changeable) return;
    if (fleet !== undefined) return lab.adopt(await Promise.all(fleet.map((kind) => this.#pods.add(kind))));
    // Where the router counts what went before, only pods that it never used carry no load.
    const others = await this.#pods.usual(wanted, this.#windowMs === undefined);
    if (others !== undefined) await lab.adopt(others);
  }

  /** After a case: nothing is open, nothing scripted; pods that failed on purpose give way to fresh ones. */
  async end(lab: HttpCaseLab): Promise<void> {
    await lab.releaseAll();
    await this.#pods.stage.sightings.idle(DRAIN_MS);
    await this.#running.endGuest();
    await this.#pods.clear(lab.pods());
  }

  async refreshPods(): Promise<void> {
    this.#pods.leaveAll();
  }

  /** Stops the router and starts it anew in front of fresh pods. */
  async restart(): Promise<void> {
    await this.#running.stop();
    await this.#pods.renew();
    this.#carried.forget();
    await this.#startRouter();
  }

  async close(): Promise<void> {
    await this.#running.stop();
    await this.#pods.close();
  }

  async #startRouter(): Promise<void> {
    await this.#running.start(this.#pods.addresses());
    this.#pods.told();
    this.#fresh = true;
  }

  /** For how long the router counts what went before as load; undefined where it does not, or its time can be moved. */
  get #windowMs(): number | undefined {
    return this.canAdvance ? undefined : loadSignal(this.#running.adapter.profile)?.windowMs;
  }

  /** Pods that cannot be exchanged are free of load again when the window has passed. */
  async #waitForWindow(): Promise<void> {
    if (this.#windowMs === undefined || this.#windowMs > SHORT_WINDOW_MS || this.#pods.changeable) return;
    this.#carried.add(this.#pods.stage.takeArrivals());
    const freeMs = this.#carried.latestMs() + this.#windowMs + WINDOW_EDGE_MS;
    await sleep(Math.max(0, freeMs - this.#clock.nowMs()));
  }
}
