/** Which case catches which mutant: all of them, not only the one that must. */
import { CASES } from "../cases/index.ts";
import { MUTANTS, type Mutant } from "./pure/mutants.ts";
import { startRule, VARIANTS } from "./pure/variants.ts";
import { functionCases, runOnFunction } from "./trial-run.ts";

export interface Matrix {
  /** The columns: ids of the cases that every mutant was asked, those that its profile makes unsupported included. */
  readonly cases: readonly string[];
  /** By mutant, `case reason` of every case that fails it. */
  readonly rows: Readonly<Record<string, readonly string[]>>;
}

const SEED = 1;

/** What needs HTTP is no column: these mutants are functions, and the broken proxies are asked. */
export const FUNCTION_COLUMNS: readonly string[] = CASES.filter(({ needs }) => needs.transport === "any").map(
  ({ id }) => id,
);

export async function killersOf({ fault, variant: name }: Mutant, seed = SEED): Promise<readonly string[]> {
  const variant = VARIANTS.find((candidate) => candidate.name === name);
  if (variant === undefined) throw new Error(`no variant is named ${name}`);
  const killers: string[] = [];
  for (const each of functionCases(CASES, variant.profile)) {
    const [outcome] = await runOnFunction([each], startRule(variant, seed, fault), variant.profile, seed);
    if (outcome?.judgement.verdict === "fail") killers.push(`${each.id} ${outcome.judgement.reason}`);
  }
  return killers;
}

export async function matrix(): Promise<Matrix> {
  const rows: Record<string, readonly string[]> = {};
  for (const mutant of MUTANTS) rows[mutant.id] = await killersOf(mutant);
  return { cases: FUNCTION_COLUMNS, rows };
}
