/** Which claims a profile leaves out, and how many cases stand behind each. */
import { RouterProfileSchema, type RouterProfile } from "../router-profile.ts";
import type { CaseRow } from "../runner/report-rows.ts";

/** As the cases word it, e.g. "the profile does not claim gate (null when there is none)". */
const MISSING = /^the profile does not claim (.+?)(?: \(|$)/;

/**
 * The claim that the most cases wait for comes first. What the profile says otherwise is not left out. A case that lacks several counts for the
 * first it asks for.
 */
export function missingClaims(
  cases: readonly CaseRow[],
  profile: RouterProfile,
): readonly (readonly [claim: string, cases: number])[] {
  const claims = cases.flatMap(({ verdict, detail = "" }) =>
    verdict === "unsupported" ? (MISSING.exec(detail)?.[1] ?? []) : [],
  );
  const unknown = claims.filter((claim) => isUnknown(claim, profile));
  return [...Map.groupBy(unknown, (claim) => claim)]
    .map(([claim, waiting]) => [claim, waiting.length] as const)
    .sort(([, a], [, b]) => b - a);
}

function isUnknown(claim: string, profile: RouterProfile): boolean {
  const keys = claim.split(" ")[0]?.split(".") ?? [];
  // A case may also want something in words, as "a cold policy by chance": no key that a profile could hold.
  if (!((keys[0] ?? "") in RouterProfileSchema.properties)) return false;
  let value: unknown = profile;
  for (const key of keys) {
    if (typeof value !== "object" || value === null) return false;
    value = (value as Readonly<Record<string, unknown>>)[key];
    if (value === undefined) return true;
  }
  return false;
}
