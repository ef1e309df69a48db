import { expect, it } from "vitest";
import { footerFor } from "../runner/overall-verdict.ts";
import type { CaseRow, HeaderRow } from "../runner/report-rows.ts";
import { junitXml } from "./junit.ts";

const header: HeaderRow = {
  type: "header",
  format: 1,
  suite: { version: "0.1.0", cases: 4, catalogue: "c" },
  router: { name: "a<b>", version: "1", kind: "command" },
  profile: {},
  seed: 1,
  startedAt: "2026-01-02T03:04:05.678Z",
  host: { platform: "linux x64", node: "v24", cpus: 2 },
  reproduce: "routeproof verify",
};

const row = (id: string, verdict: CaseRow["verdict"], rest: Partial<CaseRow> = {}): CaseRow => ({
  type: "case",
  id,
  level: "MUST",
  requirement: `R-${id}`,
  title: "A router MUST.",
  verdict,
  seed: 1,
  durationMs: 1500,
  reproduce: "routeproof verify --only",
  ...rest,
});

const report = (cases: readonly CaseRow[], stale: readonly string[] = []): string =>
  junitXml({ header, cases, footer: footerFor(cases, { strict: false, stale, durationMs: 2000 }) });

it("gives each verdict the element that CI systems count", () => {
  const xml = report([
    row("THR-01", "pass"),
    row("THR-02", "fail", {
      reason: "wrong-pod",
      detail: 'went to "b" & not <a>\u0007',
      expected: ["a"],
      observed: ["b"],
    }),
    row("STR-01", "error", { reason: "adapter-failed", detail: "no" }),
    row("STR-02", "unsupported", { detail: "no claim" }),
    row("STR-03", "fail", { knownFailing: { reason: "tracked" } }),
  ]);
  expect(xml).toContain(
    '<testsuites name="routeproof 0.1.0: a&lt;b&gt; 1" tests="5" failures="1" errors="1" time="2.000">',
  );
  expect(xml).toContain(
    '<testsuite name="THR" tests="2" failures="1" errors="0" skipped="0" time="3.000" timestamp="2026-01-02T03:04:05">',
  );
  expect(xml).toContain('<testcase name="THR-01 A router MUST." classname="routeproof.THR" time="1.500"/>');
  expect(xml).toContain(
    '<failure message="wrong-pod: went to &quot;b&quot; &amp; not &lt;a&gt;\ufffd" type="wrong-pod">',
  );
  expect(xml).toContain('<error message="adapter-failed: no" type="adapter-failed"/>');
  expect(xml).toContain('<skipped message="unsupported: no claim"/>');
  expect(xml).toContain('<skipped message="fail: known failing (tracked): fail"/>');
});

it("fails on an entry of the known-failing list that must go", () => {
  expect(report([row("THR-01", "pass")], ['"THR-01": THR-01 passes'])).toContain('failures="1"');
});
