/** The report for a pull request. */
import type { CaseRow, Report } from "../runner/report-rows.ts";
import { groupOf } from "../runner/select-cases.ts";
import { VERDICTS } from "../judgement.ts";
import { listed } from "./counted.ts";
import { gravestFirst } from "./gravest-first.ts";
import { likelyBugs } from "./likely-bug.ts";
import type { ReportDiff } from "./report-diff.ts";

export function markdownReport({ header, cases, footer }: Report): string {
  const { router, suite, seed } = header;
  const likely = likelyBugs(cases);
  const failed = gravestFirst(cases.filter(({ verdict }) => verdict === "fail" || verdict === "error"));
  return [
    `## ${router.name} ${router.version}: ${footer.verdict}`,
    "",
    `Judged by routeproof ${suite.version}, seed ${seed}, in ${(footer.durationMs / 1000).toFixed(1)} s. Again: \`${header.reproduce}\``,
    ...(header.settle === undefined ? [] : ["", `Declared settling time: ${header.settle.why}`]),
    "",
    ...groupTable(cases),
    "",
    ...failed.flatMap((row) => failure(row, likely.get(row.id))),
    ...footer.stale.map((entry) => `- known-failing list: ${cell(entry)}; remove the entry`),
    ...(footer.error === undefined ? [] : [`**${footer.error}**`]),
    "",
  ].join("\n");
}

export function markdownDiff(diff: ReportDiff): string {
  const section = (title: string, rows: readonly string[]): string[] =>
    rows.length === 0 ? [] : [`### ${title}`, "", ...rows.map((row) => `- ${row}`), ""];
  const ids = (rows: readonly CaseRow[]): string[] => rows.map(({ id, title }) => `${id} ${title}`);
  const sections = [
    ...section("Newly failing", ids(diff.newlyFailing)),
    ...section("Newly unsupported", ids(diff.newlyUnsupported)),
    ...section("Newly undecided", ids(diff.newlyUndecided)),
    ...section("Newly on the list of known failures", ids(diff.newlyKnown)),
    ...section("Fixed", ids(diff.fixed)),
    ...section("Known-failing entries to remove", diff.stale),
    ...section("Claims that changed", diff.claims),
  ];
  const told = sections.length > 0 ? sections : ["No difference.", ""];
  return [`## ${diff.before} -> ${diff.after}`, "", ...told].join("\n");
}

function groupTable(cases: readonly CaseRow[]): string[] {
  const shown = VERDICTS.filter((verdict) => cases.some((row) => row.verdict === verdict));
  const rows = [...Map.groupBy(cases, groupOf)].map(([group, members]) => {
    const counts = shown.map((verdict) => members.filter((row) => row.verdict === verdict).length || "");
    return `| ${[group, ...counts].join(" | ")} |`;
  });
  return [`| group | ${shown.join(" | ")} |`, `|---|${shown.map(() => "--:|").join("")}`, ...rows];
}

function failure(row: CaseRow, likelyBug: string | undefined): string[] {
  const lists = [
    ...(row.expected === undefined ? [] : [`  - expected one of ${listed(row.expected)}`]),
    ...(row.observed === undefined ? [] : [`  - observed ${listed(row.observed)}`]),
  ];
  const known = row.knownFailing === undefined ? "" : ` (known: ${row.knownFailing.reason})`;
  return [
    `- **${row.id}** ${row.level} ${row.verdict}${known}: ${row.title}`,
    ...(row.detail === undefined ? [] : [`  - ${row.detail.replaceAll("\n", " ")}`]),
    ...(row.done === undefined ? [] : [`  - done: ${row.done}`]),
    ...lists,
    ...(likelyBug === undefined ? [] : [`  - looks like: ${likelyBug}`]),
    `  - \`${row.reproduce}\``,
  ];
}

function cell(text: string): string {
  return text.replaceAll("|", String.raw`\|`);
}
