/** Trials in stages: while their judgement is open more are run, up to a number that stands beforehand. */
import type { Judgement } from "../../judgement.ts";
import type { Lab } from "../../lab.ts";
import type { Observation, SentStep } from "../../observation.ts";
import { LOOK_MULTIPLES } from "../../statistics/judge-counts.ts";

const LOOK = "look";
export const MOST_LOOKS: number = LOOK_MULTIPLES.length;

/** Runs `trials` once, and again for as long as `judge` finds its set-up or its counts wanting. */
export async function inLooks(
  lab: Lab,
  trials: () => Promise<void>,
  judge: (observation: Observation) => Judgement,
  looks = MOST_LOOKS,
): Promise<void> {
  let runs = 0;
  for (let look = 1; look <= looks; look++) {
    for (; runs < (LOOK_MULTIPLES[look - 1] ?? 1); runs++) await trials();
    lab.note(LOOK, { look, of: looks });
    if (look === looks || !isOpen(judge(lab.observation()))) return;
  }
}

export interface Looks {
  /** How many there may be. */
  readonly of: number;
  /** Requests sent between one look and the next. */
  readonly stages: readonly (readonly SentStep[])[];
}

/** An observation without looks was made for a single one. */
export function looksIn({ steps }: Observation): Looks {
  const stages: SentStep[][] = [[]];
  let of = 1;
  for (const step of steps) {
    if (step.kind === "sent") stages.at(-1)?.push(step);
    if (step.kind !== "note" || step.label !== LOOK) continue;
    of = (step.data as { readonly of: number }).of;
    stages.push([]);
  }
  if (stages.length > 1 && stages.at(-1)?.length === 0) stages.pop();
  return { of: Math.max(of, stages.length), stages };
}

/** Reasons that more trials can cure. */
export const UNDECIDED = "undecided";
export const UNMET = "precondition-not-met";

const isOpen = (judgement: Judgement): boolean =>
  judgement.verdict === "inconclusive" && (judgement.reason === UNDECIDED || judgement.reason === UNMET);
