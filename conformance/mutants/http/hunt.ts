/** Runs a broken proxy against the case that must catch it, over real sockets. */
import { runCases } from "../../runner/run-cases.ts";
import type { HttpMutant } from "./http-mutants.ts";
import { proxyAdapter, type ProxyMake } from "./proxy-adapter.ts";

/** `verdict reason` of the case named. */
export async function huntHttpMutant({ broken, caseId }: HttpMutant, seed: number): Promise<string> {
  const { cases } = await runCases({ adapter: proxyAdapter(broken), only: caseId, seed, slow: true });
  const row = cases.find(({ id }) => id === caseId);
  return [row?.verdict ?? "missing", row?.reason].filter((word) => word !== undefined).join(" ");
}

/** Cases that a conforming proxy does not pass, as `case verdict reason`; what it does not support aside. */
export async function failuresOfConformingProxy(
  caseIds: readonly string[],
  seed: number,
  make: ProxyMake = {},
): Promise<readonly string[]> {
  const adapter = proxyAdapter(make);
  const report = await runCases({ adapter, only: caseIds.join(","), seed, shuffle: true, slow: true });
  return report.cases
    .filter(({ id, verdict }) => caseIds.includes(id) && verdict !== "pass" && verdict !== "unsupported")
    .map(({ id, verdict, reason = "" }) => `${id} ${verdict} ${reason}`);
}
