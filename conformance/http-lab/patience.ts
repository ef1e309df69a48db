/** How long a request is waited for that gets nowhere: in full, until the router has shown often enough that it leaves some hanging. */
import { convergenceMsOf, type RouterProfile } from "../router-profile.ts";

/** What a router does that takes a request and keeps its client waiting: it was sent to no pod; its pod's answer went nowhere. */
export type Hang = "request-not-forwarded" | "request-not-answered";

/** Far above what a router needs on a busy machine. */
const FULL_MS: Readonly<Record<Hang, number>> = { "request-not-forwarded": 10_000, "request-not-answered": 15_000 };
/** A right router never comes to this: a run against one that serves nothing must end. */
const LITTLE_MS = 500;
/** It may script an answer that takes its time. */
const EXCHANGE_MS = 2_000;
const OFTEN = 3;

export class Patience {
  readonly #seen = new Map<Hang, number>();

  /** A router may need the time that it claims for pods that come, or are to be used again. */
  ms(hang: Hang, profile: RouterProfile): number {
    if (this.isLost(hang)) return LITTLE_MS;
    const { discovery, recoveryMs = 0 } = profile;
    return FULL_MS[hang] + Math.max(convergenceMsOf(profile), discovery?.healthMs ?? 0, recoveryMs);
  }

  isLost(hang: Hang): boolean {
    return (this.#seen.get(hang) ?? 0) >= OFTEN;
  }

  /** Of the time that a case gives an exchange of its own. */
  granted(ms: number): number {
    return this.isLost("request-not-answered") ? Math.min(ms, EXCHANGE_MS) : ms;
  }

  /** Nothing is waited for in full any more. */
  get isSpent(): boolean {
    return [...this.#seen.keys()].some((hang) => this.isLost(hang));
  }

  /** A full wait was in vain. */
  wasInVain(hang: Hang): void {
    this.#seen.set(hang, (this.#seen.get(hang) ?? 0) + 1);
  }
}
