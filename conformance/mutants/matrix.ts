/** Which case catches which mutant: all of them, not only the one that must. */
import { CASES } from "../cases/index.ts";
import { MUTANTS, type Mutant } from "./pure/mutants.ts";
import { startRule, VARIANTS } from "./pure/variants.ts";
import { functionCases, runOnFunction } from "./trial-run.ts";

/** By mutant, `case reason` of every case that fails it on its variant. */
export type Matrix = Readonly<Record<string, readonly string[]>>;

const SEED = 1;

export async function killersOf({ fault, variant: name }: Mutant): Promise<readonly string[]> {
  const variant = VARIANTS.find((candidate) => candidate.name === name);
  if (variant === undefined) throw new Error(`no variant is named ${name}`);
  const killers: string[] = [];
  for (const each of functionCases(CASES, variant.profile)) {
    const [outcome] = await runOnFunction([each], startRule(variant, SEED, fault), variant.profile, SEED);
    if (outcome?.judgement.verdict === "fail") killers.push(`${each.id} ${outcome.judgement.reason}`);
  }
  return killers;
}

export async function matrix(): Promise<Matrix> {
  const rows: Record<string, readonly string[]> = {};
  for (const mutant of MUTANTS) rows[mutant.id] = await killersOf(mutant);
  return rows;
}
