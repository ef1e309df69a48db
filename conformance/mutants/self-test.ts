/** The suite's proof on itself: every mutant is caught for the right reason, no conforming variant ever fails. */
import type { Case } from "../case.ts";
import { selectCases } from "../runner/select-cases.ts";
import { Random } from "../../fixtures/random.ts";
import { CASES } from "../cases/index.ts";
import { HTTP_MUTANTS, type HttpMutant } from "./http/http-mutants.ts";
import { HTTP_VARIANTS } from "./http/http-variants.ts";
import { failuresOfConformingProxy, huntHttpMutant } from "./http/hunt.ts";
import { nameOf } from "./http/proxy-adapter.ts";
import { drawnVariants } from "./pure/drawn-variants.ts";
import { type Mutant, MUTANTS } from "./pure/mutants.ts";
import { startRule, VARIANTS, type Variant } from "./pure/variants.ts";
import { functionCases, runOnFunction } from "./trial-run.ts";

export interface Escape {
  readonly mutant: Mutant;
  readonly seed: number;
  readonly verdict: string;
  readonly reason: string;
}

/** Runs the case that must catch the mutant; undefined when it did, for the reason named. */
export async function huntMutant(
  mutant: Mutant,
  seed: number,
  variants: readonly Variant[] = VARIANTS,
): Promise<Escape | undefined> {
  const variant = variantNamed(mutant.variant, variants);
  const hunter = CASES.filter(({ id }) => id === mutant.caseId);
  const start = startRule(variant, seed, mutant.fault);
  const [outcome] = await runOnFunction(functionCases(hunter, variant.profile), start, variant.profile, seed);
  const judgement = outcome?.judgement ?? { verdict: "unsupported" };
  const reason = "reason" in judgement ? judgement.reason : "none";
  if (judgement.verdict === "fail" && reason === mutant.reason) return undefined;
  return { mutant, seed, verdict: judgement.verdict, reason };
}

export interface VariantRun {
  readonly caseRuns: number;
  /** Failures, as `variant, seed: case verdict reason`; all of them false. */
  readonly failed: readonly string[];
  /** Cases that decided nothing, likewise. */
  readonly undecided: readonly string[];
  /** Cases that passed and state no statistic. */
  readonly uncounted: readonly string[];
}

/** Every case the variant supports, in an order shuffled by the seed, on one router that is never restarted. */
export async function runVariant(
  variant: Variant,
  seed: number,
  selected: readonly Case[] = CASES,
): Promise<VariantRun> {
  const cases = new Random(seed).stream("order").shuffle(functionCases(selected, variant.profile));
  const outcomes = await runOnFunction(cases, startRule(variant, seed), variant.profile, seed);
  const lines = (verdict: "fail" | "inconclusive"): string[] =>
    outcomes.flatMap(({ caseId, judgement }) =>
      judgement.verdict === verdict
        ? [`${variant.name}, seed ${seed}: ${caseId} ${judgement.verdict} ${judgement.reason}`]
        : [],
    );
  const uncounted = outcomes.flatMap(({ caseId, judgement }) =>
    judgement.verdict === "pass" && judgement.statistic === undefined ? [caseId] : [],
  );
  return { caseRuns: outcomes.length, failed: lines("fail"), undecided: lines("inconclusive"), uncounted };
}

function variantNamed(name: string, variants: readonly Variant[]): Variant {
  const found = variants.find((variant) => variant.name === name);
  if (found === undefined) throw new Error(`no variant is named ${name}`);
  return found;
}

interface SelfTestOptions {
  /** Of the conforming variants. */
  readonly seeds: number;
  /** Cases to prove, as `verify --only` takes them; default all. */
  readonly only: string | undefined;
}

/** Prints mutants killed / total, false failures / case runs. Resolves to false when anything was not as it must be. */
export async function selfTest({ seeds, only }: SelfTestOptions, print: (line: string) => void): Promise<boolean> {
  const selected = selectCases(CASES, only);
  const isSelected = ({ caseId }: { readonly caseId: string }): boolean => selected.some(({ id }) => id === caseId);
  const escapes: Escape[] = [];
  const mutants = MUTANTS.filter(isSelected);
  for (const mutant of mutants) {
    for (let seed = 1; seed <= MUTANT_SEEDS; seed++) {
      const escape = await huntMutant(mutant, seed);
      if (escape !== undefined) escapes.push(escape);
    }
  }
  for (const { mutant, seed, verdict, reason } of escapes) {
    print(
      `escaped ${mutant.id} ${mutant.fault} on ${mutant.variant}, seed ${seed}: ${mutant.caseId} ${verdict} ${reason}`,
    );
  }
  const escaped = new Set(escapes.map(({ mutant }) => mutant.id)).size;
  print(`mutants killed in each of ${MUTANT_SEEDS} seeds: ${mutants.length - escaped} / ${mutants.length}`);
  const httpKilled = await huntHttpMutants(HTTP_MUTANTS.filter(isSelected), print);
  const fixed = await runVariants(VARIANTS, seeds, selected, print);
  print(
    `conforming variants: ${VARIANTS.length}, seeds each: ${seeds}; false failures, undecided / case runs: ${fixed.failed}, ${fixed.undecided} / ${fixed.caseRuns}`,
  );
  const drawn = await runVariants(drawnVariants(DRAWN_RULES), 1, selected, print);
  print(
    `conforming rules drawn at random: ${DRAWN_RULES}; false failures, undecided / case runs: ${drawn.failed}, ${drawn.undecided} / ${drawn.caseRuns}`,
  );
  // A drawn rule may leave a case nothing to tell it by; it may never fail one.
  return escaped === 0 && httpKilled && fixed.failed + fixed.undecided + drawn.failed === 0;
}

async function runVariants(
  variants: readonly Variant[],
  seeds: number,
  selected: readonly Case[],
  print: (line: string) => void,
): Promise<{ failed: number; undecided: number; caseRuns: number }> {
  const sum = { failed: 0, undecided: 0, caseRuns: 0 };
  for (const variant of variants) {
    for (let seed = 1; seed <= seeds; seed++) {
      const { failed, undecided, caseRuns } = await runVariant(variant, seed, selected);
      sum.failed += failed.length;
      sum.undecided += undecided.length;
      sum.caseRuns += caseRuns;
      for (const line of [...failed, ...undecided]) print(line);
    }
  }
  return sum;
}

/** The same over real sockets, and the proxy that none of those cases may fail. */
async function huntHttpMutants(mutants: readonly HttpMutant[], print: (line: string) => void): Promise<boolean> {
  let killed = 0;
  for (const mutant of mutants) {
    let escaped = false;
    for (let seed = 1; seed <= MUTANT_SEEDS; seed++) {
      const outcome = await huntHttpMutant(mutant, seed);
      if (outcome === `fail ${mutant.reason}`) continue;
      escaped = true;
      print(`escaped ${mutant.id} ${nameOf(mutant.broken)}, seed ${seed}: ${mutant.caseId} ${outcome}`);
    }
    if (!escaped) killed++;
  }
  print(`broken proxies killed over HTTP in each of ${MUTANT_SEEDS} seeds: ${killed} / ${mutants.length}`);
  const caseIds = [...new Set(mutants.map(({ caseId }) => caseId))];
  if (caseIds.length === 0) return true;
  const notPassed = [...(await failuresOfConformingProxy(caseIds, 1))];
  const habitual = new Map(
    mutants.flatMap(({ caseId, broken: { habits } }) => (habits === undefined ? [] : [[caseId, habits]])),
  );
  for (const [caseId, habits] of habitual) {
    notPassed.push(...(await failuresOfConformingProxy([caseId], 1, { habits })));
  }
  for (const { name, rule } of HTTP_VARIANTS) {
    for (const line of await failuresOfConformingProxy(caseIds, 1, { rule })) notPassed.push(`${name}: ${line}`);
  }
  for (const line of notPassed) print(`conforming proxy: ${line}`);
  const runs = caseIds.length * (1 + HTTP_VARIANTS.length) + habitual.size;
  print(`conforming proxies; not passed / case runs: ${notPassed.length} / ${runs}`);
  return killed === mutants.length && notPassed.length === 0;
}

const MUTANT_SEEDS = 5;
const DRAWN_RULES = 100;
