/** The router of a session: started, stopped, started anew, and for one case replaced by a guest with another threshold. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Agent } from "undici";
import type { Clock } from "../../fixtures/clock.ts";
import { OperationalError } from "../../fixtures/operational-error.ts";
import type { HttpRouter, PodAddress, RouterAdapter } from "../adapters/router-under-test.ts";
import { openAgent } from "./exchange.ts";
import { FirstBytes } from "./first-bytes.ts";
import { Patience } from "./patience.ts";
import { convergenceMsOf } from "../router-profile.ts";

/** A request on its way over loopback has arrived by then. */
const ARRIVED_MS = 100;

export class RunningRouter {
  readonly adapter: RouterAdapter;
  readonly firstBytes = new FirstBytes();
  readonly patience = new Patience();
  readonly #seed: number;
  readonly #clock: Clock;
  readonly #signal: AbortSignal | undefined;
  #own: HttpRouter | undefined;
  #guest: HttpRouter | undefined;
  #agent = openAgent({ keeps: true });
  /** Until then no connection is used twice; undefined when they are kept. */
  #freshUntilMs: number | undefined;
  #requestMs = Infinity;
  #spoiled = false;

  constructor(adapter: RouterAdapter, seed: number, clock: Clock, signal: AbortSignal | undefined) {
    this.adapter = adapter;
    this.#seed = seed;
    this.#clock = clock;
    this.#signal = signal;
  }

  /** The one that requests go to. */
  get router(): HttpRouter {
    const router = this.#guest ?? this.#own;
    if (router === undefined) throw new Error("the router is not running");
    return router;
  }

  get agent(): Agent {
    if (this.#freshUntilMs !== undefined && this.#clock.nowMs() >= this.#freshUntilMs) {
      this.#freshUntilMs = undefined;
      void this.#connectAnew({ keeps: true });
    }
    return this.#agent;
  }

  /**
   * A router that reads its configuration anew may hang up on idle connections, as HTTP lets it: a request that is just
   * being sent on one is lost, and that tells nothing. So until it claims to have taken note none is used twice.
   */
  async setPods(pods: readonly PodAddress[]): Promise<void> {
    const { router } = this;
    if (router.setPods === undefined) throw new OperationalError("ADAPTER_FAILED", "pods cannot be changed");
    this.#freshUntilMs = Infinity;
    // What was just sent on a kept connection may not have been read yet; what is held open was.
    await Promise.race([this.#connectAnew({ keeps: false }), sleep(ARRIVED_MS)]);
    await router.setPods(pods);
    this.#freshUntilMs = this.#clock.nowMs() + convergenceMsOf(this.adapter.profile);
  }

  /** @throws {OperationalError} when it does not start: never a failure of the router */
  async start(pods: readonly PodAddress[]): Promise<void> {
    this.#own = await this.#started(pods);
    this.#spoiled = false;
  }

  async startGuest(pods: readonly PodAddress[], threshold: number | undefined): Promise<void> {
    this.#guest = await this.#started(pods, threshold);
  }

  async endGuest(): Promise<void> {
    await this.#guest?.close();
    this.#guest = undefined;
  }

  async stop(): Promise<void> {
    await this.#agent.destroy();
    this.#freshUntilMs = undefined;
    this.#agent = openAgent({ keeps: true });
    await this.endGuest();
    await this.#own?.close();
    this.#own = undefined;
  }

  /** What is left, in milliseconds, of the time that the router is declared to need until its rule holds. */
  settlesInMs(): number {
    return this.router.settlesInMs?.() ?? 0;
  }

  /** How long the quickest request took so far, in milliseconds: what a slow router needs for each. */
  get requestMs(): number {
    return Number.isFinite(this.#requestMs) ? this.#requestMs : 0;
  }

  took(ms: number): void {
    this.#requestMs = Math.min(this.#requestMs, ms);
  }

  died(): string | undefined {
    return this.#guest?.died?.() ?? this.#own?.died?.();
  }

  /** The router must not be trusted with another case. */
  spoil(): void {
    this.#spoiled = true;
  }

  get spoiled(): boolean {
    return this.#spoiled;
  }

  /** Resolves when what is under way on the connections of before has ended. */
  async #connectAnew(how: { readonly keeps: boolean }): Promise<void> {
    const before = this.#agent;
    this.#agent = openAgent(how);
    await before.close();
  }

  async #started(pods: readonly PodAddress[], threshold?: number): Promise<HttpRouter> {
    const router = await this.adapter.start({
      pods,
      seed: this.#seed,
      clock: this.#clock,
      signal: this.#signal,
      ...(threshold === undefined ? {} : { threshold }),
    });
    if (router.kind === "http") return router;
    await router.close();
    throw new OperationalError("ADAPTER_FAILED", `${this.adapter.name} is a function: it has no HTTP to speak`);
  }
}
