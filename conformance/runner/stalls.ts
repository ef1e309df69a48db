/**
 * How long the kit itself stood still in a case. Its pods answered nobody meanwhile, and its clock was read late: on a
 * starved machine a right router takes pods for sick, or silent, and forgets at another moment than the kit believes.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Case } from "../case.ts";
import type { Judgement } from "../judgement.ts";
import { CLOCK_SLACK_MS } from "../oracle/survival.ts";
import type { RouterProfile } from "../router-profile.ts";

export const STALL_RESOLUTION_MS = 10;
/** Below what routers wait for that claim nothing. */
const BORNE_MS = 5_000;
const DEFAULT_EVENT_MS = 1_000;
/** A router looks several times, and waits for less, within the time in which it claims to know how its pods are. */
const LOOKS_PER_CLAIM = 4;

export class StallWatch {
  readonly #delays = monitorEventLoopDelay({ resolution: STALL_RESOLUTION_MS });

  constructor() {
    this.#delays.enable();
  }

  /** The longest, in milliseconds. */
  end(): number {
    this.#delays.disable();
    return Math.max(0, this.#delays.max / 1e6 - STALL_RESOLUTION_MS);
  }
}

/** How long the kit may stand still in this case before it could be taken for a mistake of the router. */
export function borneMs({ needs }: Pick<Case, "needs">, profile: RouterProfile): number {
  const { discovery, timeouts, insert } = profile;
  const bySilence = (claimedMs: number | undefined, parts: number): number => (claimedMs ?? Infinity) / parts;
  return Math.min(
    BORNE_MS,
    bySilence(discovery?.healthMs, LOOKS_PER_CLAIM),
    bySilence(timeouts?.firstByteMs, 2),
    insert?.at === "kv-event" ? bySilence(insert.eventMs ?? DEFAULT_EVENT_MS, 2) : Infinity,
    // A router that is told and works at once needs no time for what it is told.
    needs.podChanges === undefined ? Infinity : bySilence(discovery?.convergenceMs || undefined, 2),
    needs.clockMs === undefined ? Infinity : CLOCK_SLACK_MS,
  );
}

/** A failure that the machine may be to blame for is none. */
export function unlessStalled(judgement: Judgement, stalledMs: number, mostMs: number): Judgement {
  if (judgement.verdict !== "fail" || stalledMs <= mostMs) return judgement;
  const { reason, detail } = judgement;
  return {
    verdict: "inconclusive",
    reason: "machine-too-slow",
    detail: `the kit itself stood still for ${Math.round(stalledMs)} ms, more than the ${Math.round(mostMs)} ms that this profile leaves it: ${reason}: ${detail}`,
  };
}
