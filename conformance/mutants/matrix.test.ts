import { expect, it } from "vitest";
import { FUNCTION_COLUMNS, killersOf } from "./matrix.ts";
import committed from "./matrix.json" with { type: "json" };
import { MUTANTS } from "./pure/mutants.ts";

const ROWS: Readonly<Record<string, readonly string[]>> = committed.rows;
/** The whole matrix is recomputed by the self-test; here one mutant of seven, from every part of the list. */
const SAMPLE = MUTANTS.filter((_, index) => index % 7 === 0);

it("has a row for each mutant, with the case that must catch it, and a column for each case", () => {
  expect(Object.keys(ROWS)).toEqual(MUTANTS.map(({ id }) => id));
  expect(committed.cases).toEqual(FUNCTION_COLUMNS);
  const unexplained = MUTANTS.filter(({ id, caseId, reason }) => ROWS[id]?.includes(`${caseId} ${reason}`) !== true);
  expect(unexplained).toEqual([]);
});

it.each(SAMPLE.map((mutant) => [`${mutant.id} ${mutant.fault}`, mutant] as const))(
  "is caught by the committed cases and no others: %s",
  async (_name, mutant) => {
    expect(await killersOf(mutant)).toEqual(ROWS[mutant.id]);
  },
);
