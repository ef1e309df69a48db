/** Sends through the lab and counts who served: what a probe knows of the loads it caused. */
import type { Held, Lab } from "../lab.ts";
import { freshText } from "./probe-text.ts";

const COLD_CHARS = 200;

export class Driver {
  readonly lab: Lab;
  readonly #inFlight = new Map<string, number>();
  readonly #total = new Map<string, number>();
  #requests = 0;
  #waitsForEnds = false;

  constructor(lab: Lab) {
    this.lab = lab;
  }

  get requests(): number {
    return this.#requests;
  }

  /** From now on each end is given a moment to be noticed: the router learns by it. */
  waitForEnds(): void {
    this.#waitsForEnds = true;
  }

  coldText(): string {
    return freshText(this.lab.random, COLD_CHARS);
  }

  /** The pod that served it; null when none did. */
  async send(text: string): Promise<string | null> {
    const { pod } = await this.lab.send({ text, cells: [] }, { label: "probe" });
    this.#count(pod);
    if (this.#waitsForEnds) await this.lab.quiet();
    return pod;
  }

  /** `silent`: its pod says nothing yet, not even a status. */
  async hold(text: string, how: { readonly silent?: true } = {}): Promise<Held> {
    const held = await this.lab.hold({ text, cells: [] }, { label: "probe", ...how });
    const { pod } = held.step;
    this.#count(pod);
    if (pod === null || !held.step.held) return held;
    this.#inFlight.set(pod, (this.#inFlight.get(pod) ?? 0) + 1);
    return {
      step: held.step,
      release: async (outcome) => {
        await held.release(outcome);
        this.#inFlight.set(pod, (this.#inFlight.get(pod) ?? 1) - 1);
      },
    };
  }

  /** Requests by which this pod leads every other (negative where one leads it): those open now, or all that it ever got. */
  lead(pod: string, counted: "open" | "all"): number {
    const counts = counted === "open" ? this.#inFlight : this.#total;
    const others = this.lab.pods().filter((other) => other !== pod);
    return (counts.get(pod) ?? 0) - Math.max(0, ...others.map((other) => counts.get(other) ?? 0));
  }

  #count(pod: string | null): void {
    this.#requests++;
    if (pod !== null) this.#total.set(pod, (this.#total.get(pod) ?? 0) + 1);
  }
}

export async function releaseAll(holds: readonly Held[]): Promise<void> {
  for (const held of holds) await held.release();
}
