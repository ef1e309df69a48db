/** Runs a broken proxy against the case that must catch it, over real sockets. */
import { runConformance } from "../../runner/run-conformance.ts";
import { type Oddity, proxyAdapter } from "./proxy-adapter.ts";
import type { HttpMutant } from "./http-mutants.ts";

/** `verdict reason` of the case named. */
export async function huntHttpMutant({ broken, caseId }: HttpMutant, seed: number): Promise<string> {
  const { cases } = await runConformance({ adapter: proxyAdapter(broken), only: caseId, seed });
  const row = cases.find(({ id }) => id === caseId);
  return [row?.verdict ?? "missing", row?.reason].filter((word) => word !== undefined).join(" ");
}

/** Cases that the unbroken proxy does not pass, as `case verdict reason`. */
export async function failuresOfConformingProxy(
  caseIds: readonly string[],
  seed: number,
  oddity?: Oddity,
): Promise<readonly string[]> {
  const report = await runConformance({ adapter: proxyAdapter(oddity), only: caseIds.join(","), seed, shuffle: true });
  return report.cases
    .filter(({ id, verdict }) => caseIds.includes(id) && verdict !== "pass")
    .map(({ id, verdict, reason = "" }) => `${id} ${verdict} ${reason}`);
}
