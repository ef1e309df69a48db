/** Prompts drawn for property tests of routing rules, as a decision trace writes them. */
import * as fc from "fast-check";
import type { DecisionStep } from "./decision-trace/decision-trace.ts";

export interface DrawnFrom {
  readonly families: number;
  readonly lengths: readonly number[];
  readonly maxParts: number;
}

/** Token `at` of family f is f x 10,000 + at: prompts share what their first parts have in common. */
export const drawnPrompt = ({
  families,
  lengths,
  maxParts,
}: DrawnFrom): fc.Arbitrary<NonNullable<DecisionStep["tokens"]>> =>
  fc
    .array(fc.record({ family: fc.integer({ min: 1, max: families }), length: fc.constantFrom(...lengths) }), {
      maxLength: maxParts,
    })
    .map((parts) => {
      let at = 0;
      return parts.map(({ family, length }): [number, number] => {
        const from = family * 10_000 + at;
        at += length;
        return [from, from + length - 1];
      });
    });
