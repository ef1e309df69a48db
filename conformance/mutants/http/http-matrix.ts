/**
 * Which cases catch which broken proxy: all of them, not only the one that must.
 *
 * Sockets and real time have a part in it, so only what failed in every seed, each case with a fresh router, is a row's.
 */
import type { Case } from "../../case.ts";
import { CASES } from "../../cases/index.ts";
import { runCases } from "../../runner/run-cases.ts";
import type { Matrix } from "../matrix.ts";
import { HTTP_MUTANTS, type HttpMutant } from "./http-mutants.ts";
import { proxyAdapter } from "./proxy-adapter.ts";

const SEEDS = [1, 2];

/** Cases that are no column; of the proxies made for one of them it is asked all the same. */
export const NO_COLUMN: Readonly<Record<string, string>> = {
  "EVI-09": "it reads the memory of a process, and these proxies run in the kit's own",
  "STR-25": "it takes more than a minute each time",
  "PERF-01": "it measures time, which depends on what else the machine does",
  "PERF-02": "it measures time, over 100,000 prompts",
  "PERF-03": "it measures time, which depends on what else the machine does",
  "PERF-04": "it measures time, which depends on what else the machine does",
};

const FEW_SOCKETS = "asked of what needs HTTP: ZeroMQ gives no more sockets after a router for each of all cases";
/** Rows that were not asked of every column, and of what they were. */
export const NARROW_ROWS: Readonly<Record<string, string>> = {
  M51g: "asked of its own case: with a metric that is read once the others wait in vain, an hour and more",
  M61a: FEW_SOCKETS,
  M61b: FEW_SOCKETS,
  M61c: FEW_SOCKETS,
  M61d: FEW_SOCKETS,
  M61e: FEW_SOCKETS,
  M61f: FEW_SOCKETS,
  M58b: "asked of what needs HTTP: every long prompt of the others takes it minutes",
};

export const COLUMNS: readonly Case[] = CASES.filter(({ id }) => !(id in NO_COLUMN));

/** `case reason` of each of the cases that catches it, in the order of the catalogue. */
export async function httpKillersOf(mutant: HttpMutant, asked: readonly Case[] = COLUMNS): Promise<readonly string[]> {
  let killers: readonly string[] | undefined;
  for (const seed of SEEDS) {
    // What passed once is no killer, whatever another seed says.
    const before: readonly string[] | undefined = killers;
    const left = asked.filter(({ id }) => before?.some((killer) => caseOf(killer) === id) !== false);
    if (left.length === 0) return [];
    const failures = await failuresOf(mutant, left, seed);
    killers = failures.filter((failure) => before?.includes(failure) !== false);
  }
  return killers ?? [];
}

async function failuresOf({ broken }: HttpMutant, asked: readonly Case[], seed: number): Promise<readonly string[]> {
  const only = asked.map(({ id }) => id).join(",");
  const report = await runCases({ adapter: proxyAdapter(broken), only, seed, slow: true, isolation: "L2" });
  return report.cases.flatMap(({ id, verdict, reason = "" }) => (verdict === "fail" ? [`${id} ${reason}`] : []));
}

/** The matrix with what these cases said of this proxy; without rows of proxies and columns of cases that are no more. */
export function withAnswers(
  { cases, rows }: Matrix,
  { id }: HttpMutant,
  asked: readonly Case[],
  killers: readonly string[],
): Matrix {
  const isAsked = (killer: string): boolean => asked.some((each) => each.id === caseOf(killer));
  const row = [...(rows[id] ?? []).filter((killer) => !isAsked(killer)), ...killers];
  const inOrder = CASES.flatMap((each) => row.filter((killer) => caseOf(killer) === each.id));
  const all: Matrix["rows"] = { ...rows, [id]: inOrder };
  return {
    cases,
    rows: Object.fromEntries(HTTP_MUTANTS.flatMap((each) => (each.id in all ? [[each.id, all[each.id] ?? []]] : []))),
  };
}

const caseOf = (killer: string): string => killer.split(" ")[0] ?? "";
