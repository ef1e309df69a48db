/** Judge a router inside one's own test suite: one vitest test per case. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RouterAdapter } from "./adapters/router-under-test.ts";
import { CASES } from "./cases/index.ts";
import { explainFailure } from "./report/explain-failure.ts";
import type { RouterProfile } from "./router-profile.ts";
import { knownFailingFor, type KnownFailing } from "./runner/known-failing.ts";
import type { CaseRow } from "./runner/report-rows.ts";
import { runConformance } from "./runner/run-conformance.ts";
import { selectCases } from "./runner/select-cases.ts";

export interface DescribeOptions {
  readonly adapter: RouterAdapter;
  /** Instead of the adapter's own. */
  readonly profile?: RouterProfile;
  readonly knownFailing?: readonly KnownFailing[];
  readonly only?: string;
  readonly seed?: number;
  /** For the whole run, in milliseconds. Default ten minutes. */
  readonly timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 600_000;

/**
 * The router is judged once, before the first test; each test then tells one verdict. A case that is unsupported is
 * skipped with its reason, a known failure must fail, an undecided MUST is a failure of the suite.
 */
export function describeConformance(name: string, options: DescribeOptions): void {
  const { adapter, profile, knownFailing = [], timeoutMs = DEFAULT_TIMEOUT_MS, only, seed } = options;
  const judged = profile === undefined ? adapter : { ...adapter, profile };
  describe(`conformance of ${name}`, () => {
    let rows: ReadonlyMap<string, CaseRow> = new Map();
    const interrupt = new AbortController();
    beforeAll(async () => {
      const report = await runConformance({
        adapter: judged,
        knownFailing,
        signal: interrupt.signal,
        ...(only === undefined ? {} : { only }),
        ...(seed === undefined ? {} : { seed }),
      });
      if (report.footer.error !== undefined) throw new Error(report.footer.error);
      rows = new Map(report.cases.map((row) => [row.id, row]));
    }, timeoutMs);
    afterAll(() => interrupt.abort());

    it.each(selectCases(CASES, only).map((each) => [each.id, each.title, each] as const))(
      "%s %s",
      (id, _title, { level }) => {
        const row = rows.get(id);
        if (row === undefined) throw new Error(`${id} has no verdict`);
        const known = knownFailingFor(id, knownFailing);
        if (known !== undefined && row.verdict === "pass") {
          throw new Error(`${id} passes: remove its known-failing entry (${known.reason})`);
        }
        const binding = level === "MUST" || level === "declared-MUST";
        const wrong =
          row.verdict === "error" ||
          (row.verdict === "fail" && binding && known === undefined) ||
          (row.verdict === "inconclusive" && binding);
        expect(wrong ? explainFailure(row).join("\n") : "").toBe("");
      },
    );
  });
}
