import type { Admission } from "./engine.ts";
import type { Sequence } from "./sequence.ts";

/** What the scheduler decided for one step. */
export class StepPlan {
  readonly sequences: Sequence[] = [];
  /** Tokens to compute, by position in `sequences`. */
  readonly tokens: number[] = [];
  readonly admitted: Admission[] = [];
  /** Request ids, in the order in which they lost their blocks. */
  readonly preempted: string[] = [];

  add(sequence: Sequence, tokens: number): void {
    sequence.inFlight = true;
    this.sequences.push(sequence);
    this.tokens.push(tokens);
  }

  /** Takes out one that is in it; returns the tokens it gives back. */
  remove(victim: Sequence): number {
    const position = this.sequences.indexOf(victim);
    this.sequences.splice(position, 1);
    const [tokens] = this.tokens.splice(position, 1);
    return tokens as number;
  }
}
