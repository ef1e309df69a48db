/** Judge a router inside one's own test suite: one vitest test per case. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Attached } from "./adapters/attached.ts";
import { CASES } from "./cases/index.ts";
import { explainFailure } from "./report/explain-failure.ts";
import { likelyBugs } from "./report/likely-bug.ts";
import { runConformance, type ConformanceOptions } from "./run-conformance.ts";
import { knownFailingFor, knownFailingIn, unmatchedEntries } from "./runner/known-failing.ts";
import type { CaseRow } from "./runner/report-rows.ts";
import { selectCases } from "./runner/select-cases.ts";

export interface DescribeOptions extends Attached, Pick<ConformanceOptions, "knownFailing" | "only" | "seed"> {
  /** Of the `describe` block; default: the adapter's. */
  readonly name?: string;
  /** For the whole run, in milliseconds. Default ten minutes. */
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 600_000;

/**
 * The router is judged once, before the first test; each test then tells one verdict. A case that is unsupported is
 * skipped with its reason, a known failure must fail, an undecided MUST is a failure of the suite.
 */
export function describeConformance(options: DescribeOptions): void {
  const { name, timeoutMs = DEFAULT_TIMEOUT_MS, ...judged } = options;
  const { adapter, only } = judged;
  const known = knownFailingIn(judged.knownFailing ?? []);
  describe(`conformance of ${name ?? (typeof adapter === "string" ? adapter : adapter.name)}`, () => {
    let rows: ReadonlyMap<string, CaseRow> = new Map();
    let likely: ReadonlyMap<string, string> = new Map();
    const interrupt = new AbortController();
    beforeAll(async () => {
      const report = await runConformance({ ...judged, signal: interrupt.signal });
      if (report.footer.error !== undefined) throw new Error(report.footer.error);
      rows = new Map(report.cases.map((row) => [row.id, row]));
      likely = likelyBugs(report.cases);
    }, timeoutMs);
    afterAll(() => interrupt.abort());

    const unmatched = unmatchedEntries(known, CASES);
    it.for(unmatched.map(({ pattern }) => pattern))("known-failing entry %s", (pattern) => {
      expect.fail(`"${pattern}" matches no case: remove it from the known-failing list`);
    });

    it.for(selectCases(CASES, only).map((each) => [each.id, each.title, each] as const))(
      "%s %s",
      ([id, , { level }], { skip }) => {
        const row = rows.get(id);
        if (row === undefined) throw new Error(`${id} has no verdict`);
        skip(row.verdict === "unsupported" || row.verdict === "skipped", row.detail ?? row.reason);
        const entry = knownFailingFor(id, known);
        if (entry !== undefined && entry.sometimes !== true && row.verdict === "pass") {
          throw new Error(`${id} passes: remove its known-failing entry (${entry.reason})`);
        }
        const binding = level === "MUST" || level === "declared-MUST";
        const wrong =
          row.verdict === "error" ||
          (row.verdict === "fail" && binding && entry === undefined) ||
          (row.verdict === "inconclusive" && binding);
        // oxlint-disable-next-line valid-expect -- reporters shorten what is compared, and not the message
        expect(wrong, explainFailure(row, likely.get(id)).join("\n")).toBe(false);
      },
    );
  });
}
