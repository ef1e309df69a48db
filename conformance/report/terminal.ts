/** The report on a terminal: a table by group, failures explained, a verdict at the end. */
import { styleText } from "node:util";
import type { Verdict } from "../judgement.ts";
import type { CaseRow, FooterRow, HeaderRow, Report } from "../runner/report-rows.ts";
import { counted } from "./counted.ts";
import { explainFailure } from "./explain-failure.ts";
import { likelyBugs } from "./likely-bug.ts";
import { missingClaims } from "./missing-claims.ts";

const MOST_LINES_NOT_RUN = 8;

type Style = Parameters<typeof styleText>[0];

const MARKS: Readonly<Record<Verdict, { readonly mark: string; readonly style: Style }>> = {
  pass: { mark: "pass", style: "green" },
  fail: { mark: "FAIL", style: "red" },
  inconclusive: { mark: "open", style: "yellow" },
  error: { mark: "ERR ", style: "magenta" },
  unsupported: { mark: "  - ", style: "gray" },
  skipped: { mark: "skip", style: "gray" },
  "not-run": { mark: "  . ", style: "gray" },
};

/** Lines for a terminal; `colour` false gives plain text. */
export function terminalReport({ header, cases, footer }: Report, colour: boolean): string[] {
  const paint = (style: Style, text: string): string =>
    colour ? styleText(style, text, { validateStream: false }) : text;
  const shown = cases.filter(({ verdict, reason }) => verdict !== "skipped" || reason !== "not-selected");
  const left = manyNotRun(shown);
  const likely = likelyBugs(cases);
  return [
    titleLine(header),
    ...(header.settle === undefined ? [] : [`settles: ${header.settle.why}`]),
    "",
    ...shown.filter((row) => !left.includes(row)).map((row) => caseLine(row, paint)),
    ...[...Map.groupBy(left, shortReason)].map(([why, rows]) =>
      paint("gray", `    .   ${rows.length} cases were not run: ${why}`),
    ),
    "",
    ...cases.filter(needsWords).flatMap((row) => [...explanation(row, likely.get(row.id), paint), ""]),
    ...footer.stale.map((entry) => paint("red", `known-failing list: ${entry}; remove the entry`)),
    ...(footer.error === undefined ? [] : [paint("red", footer.error), ""]),
    ...unlocking(shown).map((line) => paint("gray", line)),
    verdictLine(footer, paint),
  ];
}

/** What one line can say for all: most of a run that was broken off, or that never began. */
function manyNotRun(cases: readonly CaseRow[]): readonly CaseRow[] {
  const left = cases.filter(({ verdict }) => verdict === "not-run");
  return left.length > MOST_LINES_NOT_RUN ? left : [];
}

function titleLine({ router, suite, seed }: HeaderRow): string {
  return `${router.name} ${router.version} judged by routeproof ${suite.version}, seed ${seed}`;
}

function caseLine(row: CaseRow, paint: (style: Style, text: string) => string): string {
  const { mark, style } = MARKS[row.verdict];
  const known = row.knownFailing === undefined ? "" : " (known failing)";
  const why = row.verdict === "pass" ? "" : paint("gray", `  ${shortReason(row)}${known}`);
  return `  ${paint(style, mark)}  ${row.id.padEnd(8)} ${row.level.padEnd(13)} ${row.title}${why}`;
}

function shortReason({ reason = "", detail = "", verdict }: CaseRow): string {
  const [first = ""] = detail.split("\n");
  return verdict === "fail" || verdict === "error" || first === "" ? reason : first;
}

function needsWords({ verdict, level }: CaseRow): boolean {
  return verdict === "fail" || verdict === "error" || (verdict === "inconclusive" && level !== "INFO");
}

function explanation(
  row: CaseRow,
  likelyBug: string | undefined,
  paint: (style: Style, text: string) => string,
): string[] {
  const [first = "", ...rest] = explainFailure(row, likelyBug);
  const { style, mark } = MARKS[row.verdict];
  return [`${paint(style, mark.trim())} ${first}`, ...rest.map((line) => `     ${line}`)];
}

function unlocking(cases: readonly CaseRow[]): string[] {
  const claims = missingClaims(cases).map(([claim, count]) => `${claim} (${count})`);
  return claims.length === 0 ? [] : [`cases that a claim more would unlock: ${claims.join(", ")}`];
}

function verdictLine(footer: FooterRow, paint: (style: Style, text: string) => string): string {
  const style = footer.exitCode === 0 ? "green" : footer.exitCode === 1 ? "red" : "yellow";
  const counts = counted(footer).map(
    ({ verdict, count, known }) => `${count} ${verdict}${known === 0 ? "" : ` (${known} known)`}`,
  );
  const failed = Object.entries(footer.failed).map(([level, count]) => `${count} ${level}`);
  const failures = failed.length === 0 ? "" : ` (failed: ${failed.join(", ")})`;
  return `${paint(style, footer.verdict)}: ${counts.join(", ")}${failures} in ${(footer.durationMs / 1000).toFixed(1)} s`;
}
