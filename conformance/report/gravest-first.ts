/** Rows by the weight of their requirement, for lists in which a reader must not look for what decided the verdict. */
import type { Level } from "../case.ts";
import type { CaseRow } from "../runner/report-rows.ts";

const WEIGHTS: readonly Level[] = ["MUST", "declared-MUST", "SHOULD", "INFO"];

export const gravestFirst = (rows: readonly CaseRow[]): CaseRow[] =>
  rows.toSorted((a, b) => WEIGHTS.indexOf(a.level) - WEIGHTS.indexOf(b.level));
