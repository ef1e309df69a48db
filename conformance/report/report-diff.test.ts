import { expect, it } from "vitest";
import type { Verdict } from "../judgement.ts";
import { runCases } from "../runner/run-cases.ts";
import type { Report } from "../runner/report-rows.ts";
import { testCase, testFunctionRouter } from "../runner/test-doubles.ts";
import { htmlPage } from "./html-page.ts";
import { markdownDiff, markdownReport } from "./markdown.ts";
import { diffReports } from "./report-diff.ts";

const detail = `went to <b>"pod"</b> & not | there`;

function report(verdicts: Readonly<Record<string, Verdict>>, known: readonly string[] = []): Promise<Report> {
  return runCases({
    adapter: testFunctionRouter(known.length === 0 ? {} : { exact: true }),
    catalogue: Object.entries(verdicts).map(([id, verdict]) =>
      testCase(id, {
        unsupported: () => (verdict === "unsupported" ? { why: "no claim" } : undefined),
        judge: () => (verdict === "pass" ? { verdict } : { verdict: "fail", reason: "wrong-pod", detail }),
      }),
    ),
    knownFailing: known.map((pattern) => ({ pattern, reason: "tracked" })),
  });
}

it("tells what got worse from what got better, and does not mistake a claim given up for a fix", async () => {
  const before = await report({ "A-01": "pass", "A-02": "fail", "A-03": "pass", "A-04": "fail" });
  const after = await report({ "A-01": "fail", "A-02": "pass", "A-03": "unsupported", "A-04": "unsupported" });
  const diff = diffReports(before, after);
  expect(diff.newlyFailing.map(({ id }) => id)).toEqual(["A-01"]);
  expect(diff.fixed.map(({ id }) => id)).toEqual(["A-02"]);
  expect(diff.newlyUnsupported.map(({ id }) => id)).toEqual(["A-03", "A-04"]);
  expect(diff.worse).toBe(true);
  expect(markdownDiff(diff)).toContain("### Newly unsupported\n\n- A-03");
});

it("does not count a known failure as new, but names entries that must go and claims that changed", async () => {
  const before = await report({ "A-01": "pass", "A-02": "pass" });
  const diff = diffReports(before, await report({ "A-01": "fail", "A-02": "pass" }, ["A-01", "A-02"]));
  expect(diff.newlyFailing).toEqual([]);
  expect(markdownDiff(diff)).toContain("### Newly on the list of known failures\n\n- A-01");
  expect(diff.stale).toEqual(['"A-02": A-02 passes']);
  expect(diff.claims).toEqual(["exact: unknown -> true"]);
});

it("tells of a failure that is no longer on the list, although it failed before", async () => {
  const listed = await report({ "A-01": "fail" }, ["A-01"]);
  const diff = diffReports(listed, await report({ "A-01": "fail" }));
  expect(diff.newlyFailing.map(({ id }) => id)).toEqual(["A-01"]);
  expect(diff.worse).toBe(true);
});

it("finds no difference between a report and itself", async () => {
  const same = await report({ "A-01": "pass" });
  expect(diffReports(same, same)).toMatchObject({ worse: false, newlyFailing: [], fixed: [], claims: [] });
  expect(markdownDiff(diffReports(same, same))).toContain("No difference.");
});

it("escapes what came from a router, in the page and in tables", async () => {
  const bad = await report({ "A-01": "fail" });
  const page = htmlPage([{ report: bad, evidence: () => undefined }]);
  expect(page).toContain("&lt;b&gt;&quot;pod&quot;&lt;/b&gt; &amp; not | there");
  expect(page).not.toContain("<b>&quot;pod");
  expect(markdownReport(bad)).toContain("**A-01** MUST fail");
});

it("shows a matrix of cases by router when there are several", async () => {
  const reports = [await report({ "A-01": "pass" }), await report({ "A-01": "fail" })];
  const page = htmlPage(reports.map((each) => ({ report: each, evidence: () => undefined })));
  expect(page).toContain("2 routers");
  expect(page).toMatch(
    /<td class="mark pass"><a href="#r0-A-01">pass<\/a><\/td>\s*<td class="mark fail"><a href="#r1-A-01">/,
  );
});

it("links in a matrix only to cases that the page has", async () => {
  const one = await report({ "THR-01": "pass", "THR-02": "fail" });
  const other = await runCases({
    adapter: testFunctionRouter(),
    catalogue: ["THR-01", "THR-02", "THR-03"].map((id) => testCase(id)),
    only: "THR-01",
  });
  const page = htmlPage([one, other].map((each) => ({ report: each, evidence: () => undefined })));
  const links = [...page.matchAll(/href="#([^"]+)"/g)].map(([, id]) => id);
  const targets = new Set([...page.matchAll(/id="([^"]+)"/g)].map(([, id]) => id));
  expect(links.length).toBeGreaterThan(3);
  expect(links.filter((id) => !targets.has(id))).toEqual([]);
  expect(page).not.toMatch(/class="id">THR-03/);
});
