/** Which claims a profile leaves out, and how many cases stand behind each. */
import type { CaseRow } from "../runner/report-rows.ts";

/** The claim that the most cases wait for comes first. A case that lacks several counts for the first it asks for. */
export function missingClaims(cases: readonly CaseRow[]): readonly (readonly [claim: string, cases: number])[] {
  const claims = cases.flatMap(({ missingClaim }) => missingClaim ?? []);
  return [...Map.groupBy(claims, (claim) => claim)]
    .map(([claim, waiting]) => [claim, waiting.length] as const)
    .sort(([, a], [, b]) => b - a);
}
