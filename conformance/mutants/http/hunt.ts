/** Runs a broken proxy against the case that must catch it, over real sockets. */
import { runConformance } from "../../runner/run-conformance.ts";
import { proxyAdapter } from "./proxy-adapter.ts";
import type { ProxyHabits } from "./proxy-habits.ts";
import { PLAIN_RULE, type RuleOptions } from "../pure/rule.ts";
import type { HttpMutant } from "./http-mutants.ts";

/** `verdict reason` of the case named. */
export async function huntHttpMutant({ broken, caseId, habits }: HttpMutant, seed: number): Promise<string> {
  const adapter = proxyAdapter(broken, PLAIN_RULE, habits);
  const { cases } = await runConformance({ adapter, only: caseId, seed, slow: true });
  const row = cases.find(({ id }) => id === caseId);
  return [row?.verdict ?? "missing", row?.reason].filter((word) => word !== undefined).join(" ");
}

/** Cases that an unbroken proxy with this rule does not pass, as `case verdict reason`; what it does not support aside. */
export async function failuresOfConformingProxy(
  caseIds: readonly string[],
  seed: number,
  rule: RuleOptions = PLAIN_RULE,
  habits: ProxyHabits = {},
): Promise<readonly string[]> {
  const adapter = proxyAdapter({}, rule, habits);
  const report = await runConformance({ adapter, only: caseIds.join(","), seed, shuffle: true, slow: true });
  return report.cases
    .filter(({ id, verdict }) => caseIds.includes(id) && verdict !== "pass" && verdict !== "unsupported")
    .map(({ id, verdict, reason = "" }) => `${id} ${verdict} ${reason}`);
}
