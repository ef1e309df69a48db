/** Starts a router, and the pods it needs, for a run. */
import { RealClock } from "../../fixtures/clock.ts";
import type { DecidingRouter, RouterAdapter } from "../adapters/router-under-test.ts";
import { type Case, withOtherThreshold } from "../case.ts";
import type { FunctionLab } from "../function-lab/function-lab.ts";
import { FunctionSession } from "../function-lab/function-session.ts";
import { HttpSession } from "../http-lab/http-session.ts";
import type { Session } from "./session.ts";

export interface OpenOptions {
  readonly adapter: RouterAdapter;
  readonly seed: number;
  readonly models: readonly string[];
  /** Ends the wait for a router that is not ready yet. */
  readonly signal?: AbortSignal | undefined;
}

/** @throws {OperationalError} when the router does not start: never a failure of the router */
export async function openSession({ adapter, seed, models, signal }: OpenOptions): Promise<Session> {
  const clock = new RealClock();
  if (adapter.kind === "function") {
    // Only a started router tells whether it is a function or speaks HTTP in this process.
    const router = await adapter.start({ pods: [], seed, clock });
    if (router.kind === "function") return new FunctionRun(adapter, seed, clock, router);
    await router.close();
  }
  return HttpSession.start({ adapter, seed, clock, models, signal });
}

/** A function router needs no pods and no sockets: its session is the function lab's, begun anew on restart. */
class FunctionRun implements Session<FunctionLab> {
  readonly transport = "function";
  readonly canAdvance = true;
  readonly spoiled = false;
  readonly requestMs = 0;
  readonly fixedPods = undefined;
  readonly #adapter: RouterAdapter;
  readonly #seed: number;
  readonly #clock: RealClock;
  #router: DecidingRouter;
  #session: FunctionSession;
  /** Started for one case with another threshold. */
  #guest: DecidingRouter | undefined;

  constructor(adapter: RouterAdapter, seed: number, clock: RealClock, router: DecidingRouter) {
    this.#adapter = adapter;
    this.#seed = seed;
    this.#clock = clock;
    this.#router = router;
    this.#session = new FunctionSession(router.router, adapter.profile);
  }

  async lab(of: Pick<Case, "id" | "needs">, seed: number): Promise<FunctionLab> {
    if (of.needs.otherThreshold !== true) return this.#session.lab(of, seed);
    const profile = withOtherThreshold(this.#adapter.profile);
    this.#guest = await this.#start(profile.threshold?.value);
    return new FunctionSession(this.#guest.router, profile).lab(of, seed);
  }

  async end(lab: FunctionLab): Promise<void> {
    // What a later case cannot see must not count any more.
    await lab.drain();
    await this.#guest?.close();
    this.#guest = undefined;
  }

  async refreshPods(): Promise<void> {
    this.#session.leaveAllPods();
  }

  async restart(): Promise<void> {
    await this.#router.close();
    this.#router = await this.#start();
    this.#session = new FunctionSession(this.#router.router, this.#adapter.profile);
  }

  async #start(threshold?: number): Promise<DecidingRouter> {
    const options = { pods: [], seed: this.#seed, clock: this.#clock };
    const router = await this.#adapter.start(threshold === undefined ? options : { ...options, threshold });
    if (router.kind !== "function") throw new Error(`${this.#adapter.name} was a function and is not any more`);
    return router;
  }

  died(): undefined {
    return undefined;
  }

  close(): Promise<void> {
    return this.#router.close();
  }
}
