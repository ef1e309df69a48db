import type { Admission } from "./engine.ts";
import type { Sequence } from "./sequence.ts";

/** What the scheduler decided for one step. */
export interface StepPlan {
  readonly sequences: Sequence[];
  /** Tokens to compute, by position in `sequences`. */
  readonly tokens: number[];
  readonly admitted: Admission[];
  /** Request ids, in the order in which they lost their blocks. */
  readonly preempted: string[];
}

// A literal and functions, no class: a plan is made for every step, and a step is short.
export const emptyPlan = (): StepPlan => ({ sequences: [], tokens: [], admitted: [], preempted: [] });

export function addTo({ sequences, tokens }: StepPlan, sequence: Sequence, newTokens: number): void {
  sequence.inFlight = true;
  sequences.push(sequence);
  tokens.push(newTokens);
}

/** Takes out one that is in it; returns the tokens it gives back. */
export function removeFrom({ sequences, tokens }: StepPlan, victim: Sequence): number {
  const position = sequences.indexOf(victim);
  sequences.splice(position, 1);
  const [given] = tokens.splice(position, 1);
  return given as number;
}
