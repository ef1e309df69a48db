/** How long what does not come is waited for: in full, until the router has shown often enough that it leaves its clients waiting. */
import { convergenceMsOf, type RouterProfile } from "../router-profile.ts";

/** What a router does that takes a request and keeps its client waiting: it was sent to no pod; its pod's answer went nowhere. */
export type Hang = "request-not-forwarded" | "request-not-answered";

/** `first-answer`: a router that was just started, and calls itself ready, serves nobody yet. */
export type Wait = Hang | "first-answer";

/** Far above what a router needs on a busy machine. */
const FULL_MS: Readonly<Record<Wait, number>> = {
  "request-not-forwarded": 10_000,
  "request-not-answered": 15_000,
  "first-answer": 15_000,
};
/** A right router never comes to this: a run against one that serves nothing must end. */
const LITTLE_MS = 500;
/** It may script an answer that takes its time. */
const EXCHANGE_MS = 2_000;
const OFTEN = 3;

export class Patience {
  readonly #seen = new Map<Wait, number>();

  /** A router may need the time that it claims for pods that come, or are to be used again. */
  ms(wait: Wait, profile: RouterProfile): number {
    if (this.isLost(wait)) return LITTLE_MS;
    const { discovery, recoveryMs = 0 } = profile;
    return FULL_MS[wait] + Math.max(convergenceMsOf(profile), discovery?.healthMs ?? 0, recoveryMs);
  }

  isLost(wait: Wait): boolean {
    return (this.#seen.get(wait) ?? 0) >= OFTEN;
  }

  /** Of the time that a case gives an exchange of its own. */
  granted(ms: number): number {
    return this.isLost("request-not-answered") ? Math.min(ms, EXCHANGE_MS) : ms;
  }

  /** It leaves requests hanging: none is waited for in full any more. */
  get isSpent(): boolean {
    return this.isLost("request-not-forwarded") || this.isLost("request-not-answered");
  }

  /** A full wait was in vain. */
  wasInVain(wait: Wait): void {
    this.#seen.set(wait, (this.#seen.get(wait) ?? 0) + 1);
  }
}
