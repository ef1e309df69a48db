import { appendFileSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { runCases } from "../runner/run-cases.ts";
import type { RunOptions } from "../runner/run-options.ts";
import { testCase, testFunctionRouter } from "../runner/test-doubles.ts";
import { readEvidence, readReport, ReportFolder } from "./report-folder.ts";

async function write(folder: string, options: Partial<RunOptions> = {}): Promise<void> {
  const report = new ReportFolder(folder);
  await runCases({
    adapter: testFunctionRouter(),
    catalogue: [
      testCase("THR-01"),
      testCase("STR-01", { judge: () => ({ verdict: "fail", reason: "no", detail: "no" }) }),
    ],
    ...options,
    onEvent: (event) => event.type === "row" && report.add(event.row, event.evidence?.()),
  });
}

const newFolder = (): string => mkdtempSync(join(tmpdir(), "routeproof-report-"));

it("reads back what was written, with the evidence and without the prompts' text", async () => {
  const folder = newFolder();
  await write(folder);
  const report = readReport(folder);
  expect(report.cases.map(({ id, verdict }) => [id, verdict])).toEqual([
    ["THR-01", "pass"],
    ["STR-01", "fail"],
  ]);
  expect(report.footer).toMatchObject({ verdict: "non-conformant", exitCode: 1, counts: { pass: 1, fail: 1 } });
  const evidence = readEvidence(folder, "THR-01");
  expect(evidence?.observation.steps.find(({ kind }) => kind === "sent")).toMatchObject({
    label: "seed",
    prompt: { text: "" },
  });
  expect(readFileSync(join(folder, "junit.xml"), "utf8")).toContain("<testsuites");
});

it("refuses a report without footer, with a case missing, with a case twice, or none at all", async () => {
  const folder = newFolder();
  await write(folder);
  const path = join(folder, "report.jsonl");
  const lines = readFileSync(path, "utf8").trimEnd().split("\n");
  writeFileSync(path, lines.slice(0, -1).join("\n"));
  expect(() => readReport(folder)).toThrow("no footer row; the run that wrote it did not end");
  writeFileSync(path, [lines[0], lines[1], lines[3]].join("\n"));
  expect(() => readReport(folder)).toThrow("1 cases of 2; every id must be in a report");
  writeFileSync(path, [...lines.slice(0, 2), lines[1], ...lines.slice(2)].join("\n"));
  expect(() => readReport(folder)).toThrow("THR-01 stands in it twice");
  appendFileSync(path, "\nnot a row\n");
  expect(() => readReport(folder)).toThrow(/report\.jsonl:6: not a report row/);
  expect(() => readReport(newFolder())).toThrow("no report in");
});

it("reads cases in the catalogue's order, in whatever order they ran, and what is left of older catalogues last", async () => {
  const folder = newFolder();
  const catalogue = ["STR-01", "OLD-01", "THR-02", "THR-01"].map((id) => testCase(id));
  await write(folder, { catalogue });
  expect(readReport(folder).cases.map(({ id }) => id)).toEqual(["THR-01", "THR-02", "STR-01", "OLD-01"]);
});
