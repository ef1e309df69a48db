/** What changed from one report to another. */
import { isDeepStrictEqual } from "node:util";
import type { CaseRow, Report } from "../runner/report-rows.ts";

export interface ReportDiff {
  readonly before: string;
  readonly after: string;
  /** Failed ones that are on no list of known failures, and were not failing so before. */
  readonly newlyFailing: readonly CaseRow[];
  /** They passed, and now fail as known: no alarm, and no news to hide. */
  readonly newlyKnown: readonly CaseRow[];
  readonly fixed: readonly CaseRow[];
  /** A claim given up hides a failure: told as loudly as one. */
  readonly newlyUnsupported: readonly CaseRow[];
  readonly newlyUndecided: readonly CaseRow[];
  readonly stale: readonly string[];
  /** Profile fields that differ. */
  readonly claims: readonly string[];
  /** Something in it is worse than before. */
  readonly worse: boolean;
}

export function diffReports(before: Report, after: Report): ReportDiff {
  const old = new Map(before.cases.map((row) => [row.id, row]));
  const changed = (holds: (was: CaseRow["verdict"] | undefined, now: CaseRow) => boolean): CaseRow[] =>
    after.cases.filter((row) => holds(old.get(row.id)?.verdict, row));
  const newlyFailing = after.cases.filter((row) => isUnlisted(row) && !isUnlisted(old.get(row.id)));
  const newlyUnsupported = changed(
    (was, now) => now.verdict === "unsupported" && was !== "unsupported" && was !== undefined,
  );
  const newlyUndecided = changed(
    (was, now) =>
      (was === "pass" || was === "fail") && ["inconclusive", "error", "not-run", "skipped"].includes(now.verdict),
  );
  const { stale } = after.footer;
  return {
    before: nameOf(before),
    after: nameOf(after),
    newlyFailing,
    newlyKnown: changed((was, now) => now.verdict === "fail" && now.knownFailing !== undefined && was !== "fail"),
    fixed: changed((was, now) => was === "fail" && now.verdict === "pass"),
    newlyUnsupported,
    newlyUndecided,
    stale,
    claims: changedClaims(before, after),
    worse: [newlyFailing, newlyUnsupported, newlyUndecided, stale].some((list) => list.length > 0),
  };
}

const isUnlisted = (row: CaseRow | undefined): boolean => row?.verdict === "fail" && row.knownFailing === undefined;

function nameOf({ header }: Report): string {
  return `${header.router.name} ${header.router.version} (routeproof ${header.suite.version})`;
}

function changedClaims({ header: before }: Report, { header: after }: Report): string[] {
  const was: Readonly<Record<string, unknown>> = before.profile;
  const is: Readonly<Record<string, unknown>> = after.profile;
  return [...new Set([...Object.keys(was), ...Object.keys(is)])]
    .filter((field) => !isDeepStrictEqual(was[field], is[field]))
    .map(
      (field) => `${field}: ${JSON.stringify(was[field]) ?? "unknown"} -> ${JSON.stringify(is[field]) ?? "unknown"}`,
    );
}
