/**
 * Which cases catch which broken proxy: of those that need HTTP all, beside the one that must. What a proxy breaks of the
 * routing itself, the matrix of function mutants shows.
 *
 * Sockets and real time have a part in it, so only what failed in every seed, each case with a fresh router, is a row's.
 * Cases that measure time are left out: they depend on what else the machine does.
 */
import { CASES } from "../../cases/index.ts";
import { runCases } from "../../runner/run-cases.ts";
import type { HttpMutant } from "./http-mutants.ts";
import { proxyAdapter } from "./proxy-adapter.ts";

const SEEDS = [1, 2];

/** `case reason` of each, in the order of the catalogue. */
export async function httpKillersOf(mutant: HttpMutant): Promise<readonly string[]> {
  const runs: (readonly string[])[] = [];
  for (const seed of SEEDS) runs.push(await failuresOf(mutant, seed));
  return (runs[0] ?? []).filter((killer) => runs.every((run) => run.includes(killer)));
}

async function failuresOf({ broken, caseId }: HttpMutant, seed: number): Promise<readonly string[]> {
  const only = CASES.filter((each) => each.id === caseId || isAsked(each)).map(({ id }) => id);
  const adapter = proxyAdapter(broken);
  const report = await runCases({ adapter, only: only.join(","), seed, slow: true, isolation: "L2" });
  return report.cases.flatMap(({ id, verdict, reason = "" }) => (verdict === "fail" ? [`${id} ${reason}`] : []));
}

const isAsked = ({ id, needs }: (typeof CASES)[number]): boolean =>
  needs.transport === "http" && !id.startsWith("PERF-");
