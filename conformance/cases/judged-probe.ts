/**
 * What one probe showed: what the oracle allowed it, and whether a wrong router would have answered otherwise.
 *
 * A probe is sharp when the right answer and the wrong one differ: the pods allowed on the branch it was made for do not
 * overlap with those of the other branch.
 */
import type { Observation, SentStep } from "../observation.ts";
import { allowed, type Expectation } from "../oracle/allowed.ts";
import type { RouterProfile } from "../router-profile.ts";
import { RIVAL } from "./busy.ts";
import { unpredictable } from "./claims.ts";
import type { Looks } from "./looks.ts";

/** The branch a probe is made for; `any` only asks that the oracle be obeyed. */
export type ProbeKind = "owner" | "load" | "gate" | "any";

export const probeLabel = (kind: ProbeKind): string => `probe-${kind}`;

export interface JudgedProbe {
  readonly step: SentStep;
  /** The pod made busy before it: what a wrong router follows, or leaves. */
  readonly rival: string | undefined;
  readonly expectation: Expectation;
  readonly sharp: boolean;
  readonly right: boolean;
}

/** By look. */
export function judgedProbes(observation: Observation, profile: RouterProfile, { stages }: Looks): JudgedProbe[][] {
  const rivals = new Map<SentStep, string>();
  let rival: string | undefined;
  for (const step of observation.steps) {
    if (step.kind === "note" && step.label === RIVAL) rival = String(step.data);
    if (step.kind === "sent" && rival !== undefined) rivals.set(step, rival);
  }
  return stages.map((stage) =>
    stage
      .filter(({ label }) => label.startsWith("probe-"))
      .map((step): JudgedProbe => {
        const expectation = allowed(observation, step, profile);
        const right = step.pod !== null && expectation.allowed.includes(step.pod);
        return {
          step,
          rival: rivals.get(step),
          expectation,
          right,
          sharp: isSharp(step, rivals.get(step), expectation, profile),
        };
      }),
  );
}

function isSharp(step: SentStep, rival: string | undefined, expectation: Expectation, profile: RouterProfile): boolean {
  const { zone, allowed: pods, cold, livePods, loads } = expectation;
  if (pods.length === livePods.length) return false;
  // Where load is not known to decide, chance alone separates: any pod that is not allowed will do.
  const guessed = loads === undefined || unpredictable(profile);
  const partsFromCold = guessed ? cold.length === livePods.length : disjoint(pods, cold);
  const leavesRival = rival !== undefined && !pods.includes(rival);
  switch (step.label) {
    case probeLabel("owner"):
      return zone === "owner" && partsFromCold;
    case probeLabel("load"):
    case probeLabel("gate"):
      return (zone === "load" || zone === "gate") && leavesRival;
    default:
      return rival === undefined || leavesRival || (zone === "owner" && partsFromCold);
  }
}

const disjoint = (a: readonly string[], b: readonly string[]): boolean => !a.some((item) => b.includes(item));
