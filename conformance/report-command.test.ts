/** `routeproof report` as a pipeline runs it: what it prints, and what it ends with. */
import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { expect, it, vi } from "vitest";
import type { Verdict } from "./judgement.ts";
import { ReportFolder } from "./report/report-folder.ts";
import { defineReport } from "./report-command.ts";
import { runCases } from "./runner/run-cases.ts";
import { testCase, testFunctionRouter } from "./runner/test-doubles.ts";

/** What it prints and its exit code. */
async function report(...words: readonly string[]): Promise<{ readonly code: number; readonly out: string }> {
  let [code, out] = [-1, ""];
  const write = vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    out += String(text);
    return true;
  });
  try {
    const command = new Command("report").exitOverride();
    defineReport(command, (given) => (code = given));
    await command.parseAsync([...words], { from: "user" });
  } finally {
    write.mockRestore();
  }
  return { code, out };
}

/** A folder that a run with these verdicts wrote. */
async function written(verdicts: Readonly<Record<string, Verdict>>, known: readonly string[] = []): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "routeproof-report-"));
  const rows = new ReportFolder(folder);
  await runCases({
    adapter: testFunctionRouter(),
    catalogue: Object.entries(verdicts).map(([id, verdict]) =>
      testCase(id, {
        unsupported: () => (verdict === "unsupported" ? { why: "no claim" } : undefined),
        judge: () => (verdict === "pass" ? { verdict } : { verdict: "fail", reason: "wrong-pod", detail: "wrong" }),
      }),
    ),
    knownFailing: known.map((pattern) => ({ pattern, reason: "tracked" })),
    onEvent: (event) => event.type === "row" && rows.add(event.row, event.evidence?.()),
  });
  return folder;
}

const OLDER = { "THR-01": "pass", "THR-02": "fail", "THR-03": "pass", "THR-04": "pass" } as const;

it("tells newly failing, fixed and newly unsupported cases and stale entries, and ends with 1", async () => {
  const older = await written(OLDER);
  const newer = { "THR-01": "fail", "THR-02": "pass", "THR-03": "unsupported", "THR-04": "pass" } as const;
  const { code, out } = await report(await written(newer, ["THR-04"]), "--diff", older);
  for (const [heading, entry] of [
    ["Newly failing", "THR-01"],
    ["Fixed", "THR-02"],
    ["Newly unsupported", "THR-03"],
    ["Known-failing entries to remove", "THR-04"],
  ] as const) {
    expect(out).toMatch(new RegExp(`### ${heading}[^\\n]*\\n\\n- [^\\n]*${entry}`));
  }
  expect(code).toBe(1);
});

it("ends with 0 where nothing is worse, and says it as JSON when asked to", async () => {
  const older = await written(OLDER);
  const { code, out } = await report(await written({ ...OLDER, "THR-02": "pass" }), "--diff", older, "--json");
  expect(JSON.parse(out)).toMatchObject({ worse: false, fixed: [{ id: "THR-02" }], newlyFailing: [], stale: [] });
  expect(code).toBe(0);
});

it("writes the page of a folder, and one line of error for what is none", async () => {
  const folder = await written(OLDER);
  expect((await report(folder)).code).toBe(0);
  expect(["report.html", "report.md", "badge.svg"].filter((name) => !existsSync(join(folder, name)))).toEqual([]);
  await expect(report("/no/such/folder")).rejects.toThrow("no report in /no/such/folder");
  await expect(report(folder, "--json")).rejects.toThrow("--json needs --diff");
});
