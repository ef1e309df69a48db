/** JUnit XML as CI systems read it: one suite per group, one test case per id. */
import type { CaseRow, Report } from "../runner/report-rows.ts";
import { groupOf } from "../runner/select-cases.ts";
import { explainFailure } from "./explain-failure.ts";
import { likelyBugs } from "./likely-bug.ts";

/**
 * A failed requirement is a `failure`; what kept the kit from judging is an `error`; a known failure, an unsupported or an
 * unselected case is `skipped`. An undecided case is skipped too: JUnit has no word for it, and the exit code tells.
 */
export function junitXml({ header, cases, footer }: Report): string {
  const likely = likelyBugs(cases);
  const groups = Map.groupBy(cases, groupOf);
  const suites = [...groups].map(([group, rows]) => suite(group, rows, header.startedAt, likely));
  if (footer.stale.length > 0) suites.push(staleSuite(footer.stale, header.startedAt));
  const failures = count(cases, isFailure) + footer.stale.length;
  const attributes = attributesOf({
    name: `routeproof ${header.suite.version}: ${header.router.name} ${header.router.version}`,
    tests: cases.length + footer.stale.length,
    failures,
    errors: count(cases, isError),
    time: seconds(footer.durationMs),
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites${attributes}>\n${suites.join("")}</testsuites>\n`;
}

function suite(
  group: string,
  rows: readonly CaseRow[],
  startedAt: string,
  likely: ReadonlyMap<string, string>,
): string {
  const attributes = attributesOf({
    name: group,
    tests: rows.length,
    failures: count(rows, isFailure),
    errors: count(rows, isError),
    skipped: count(rows, isSkipped),
    time: seconds(rows.reduce((sum, { durationMs }) => sum + durationMs, 0)),
    timestamp: startedAt.replace(/\.\d+Z$/, ""),
  });
  return `  <testsuite${attributes}>\n${rows.map((row) => testCase(row, likely.get(row.id))).join("")}  </testsuite>\n`;
}

function testCase(row: CaseRow, likelyBug: string | undefined): string {
  const attributes = attributesOf({
    name: `${row.id} ${row.title}`,
    classname: `routeproof.${groupOf(row)}`,
    time: seconds(row.durationMs),
  });
  const inner = outcome(row, likelyBug);
  return inner === "" ? `    <testcase${attributes}/>\n` : `    <testcase${attributes}>\n${inner}    </testcase>\n`;
}

function outcome(row: CaseRow, likelyBug: string | undefined): string {
  const message = [row.reason, row.detail].filter((part) => part !== undefined).join(": ") || row.verdict;
  if (isFailure(row)) {
    return `      <failure${attributesOf({ message, type: row.reason ?? "failed" })}>${escaped(explainFailure(row, likelyBug).join("\n"))}</failure>\n`;
  }
  if (isError(row)) return `      <error${attributesOf({ message, type: row.reason ?? "error" })}/>\n`;
  if (row.verdict === "pass") return "";
  const known = row.knownFailing === undefined ? "" : `known failing (${row.knownFailing.reason}): `;
  return `      <skipped${attributesOf({ message: `${row.verdict}: ${known}${message}` })}/>\n`;
}

function staleSuite(stale: readonly string[], startedAt: string): string {
  const name = "known-failing list";
  const cases = stale.map((entry) => {
    const attributes = attributesOf({ name: entry, classname: "routeproof.known-failing", time: "0.000" });
    return `    <testcase${attributes}>\n      <failure${attributesOf({ message: "the entry must go", type: "stale-entry" })}/>\n    </testcase>\n`;
  });
  const attributes = attributesOf({
    name,
    tests: stale.length,
    failures: stale.length,
    errors: 0,
    skipped: 0,
    time: "0.000",
    timestamp: startedAt.replace(/\.\d+Z$/, ""),
  });
  return `  <testsuite${attributes}>\n${cases.join("")}  </testsuite>\n`;
}

const isFailure = ({ verdict, knownFailing }: CaseRow): boolean => verdict === "fail" && knownFailing === undefined;
const isError = ({ verdict }: CaseRow): boolean => verdict === "error";
const isSkipped = (row: CaseRow): boolean => row.verdict !== "pass" && !isFailure(row) && !isError(row);

function count(rows: readonly CaseRow[], holds: (row: CaseRow) => boolean): number {
  return rows.filter(holds).length;
}

function seconds(durationMs: number): string {
  return (durationMs / 1000).toFixed(3);
}

function attributesOf(attributes: Readonly<Record<string, string | number>>): string {
  return Object.entries(attributes)
    .map(([name, value]) => ` ${name}="${escaped(String(value))}"`)
    .join("");
}

/** Also without the control characters that XML 1.0 cannot hold. */
function escaped(text: string): string {
  return (
    text
      // oxlint-disable-next-line no-control-regex -- these are what must go
      .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd")
      .replaceAll("&", "&amp;")
      .replaceAll("<", "&lt;")
      .replaceAll(">", "&gt;")
      .replaceAll('"', "&quot;")
      .replaceAll("\n", "&#10;")
  );
}
