/** `routeproof report`: render reports, or compare two. */
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { OperationalError } from "../fixtures/operational-error.ts";
import { badgeSvg } from "./report/badge.ts";
import { htmlPage } from "./report/html-page.ts";
import { markdownDiff, markdownReport } from "./report/markdown.ts";
import { diffReports } from "./report/report-diff.ts";
import { readEvidence, readReport } from "./report/report-folder.ts";
import { terminalReport } from "./report/terminal.ts";

interface ReportOptions {
  readonly diff?: string;
  readonly json?: boolean;
}

/** One folder gives its page; a folder of folders gives one page with a matrix. */
export function defineReport(command: Command, exit: (code: number) => void): void {
  command
    .argument("<dir>", "folder that `verify --report` wrote, or a folder of such folders")
    .option("--diff <dir>", "an older report to compare with; exit code 1 when something is worse")
    .option("--json", "with --diff: the comparison as JSON")
    .action((dir: string, options: ReportOptions) => {
      if (options.json === true && options.diff === undefined) {
        throw new OperationalError("USAGE", "--json needs --diff; a report's rows are JSON already, in report.jsonl");
      }
      exit(options.diff === undefined ? render(dir) : compare(options.diff, dir, options.json === true));
    });
}

function render(dir: string): number {
  const folders = foldersIn(dir);
  const reports = folders.map((folder) => ({
    report: readReport(folder),
    evidence: (id: string) => readEvidence(folder, id),
  }));
  for (const [index, { report }] of reports.entries()) {
    const colour = process.stdout.isTTY && process.stdout.hasColors();
    process.stdout.write(`${terminalReport(report, colour).join("\n")}\n`);
    writeFileSync(join(folders[index] ?? dir, "report.md"), markdownReport(report));
    writeFileSync(join(folders[index] ?? dir, "badge.svg"), badgeSvg(report));
  }
  const page = join(dir, "report.html");
  writeFileSync(page, htmlPage(reports));
  process.stdout.write(`wrote ${page}\n`);
  return 0;
}

function compare(olderDir: string, newerDir: string, json: boolean): number {
  const diff = diffReports(readReport(olderDir), readReport(newerDir));
  process.stdout.write(json ? `${JSON.stringify(diff)}\n` : markdownDiff(diff));
  return diff.worse ? 1 : 0;
}

/** @throws {OperationalError} FILE_UNREADABLE when no report is there */
function foldersIn(dir: string): string[] {
  const isReport = (folder: string): boolean => existsSync(join(folder, "report.jsonl"));
  if (isReport(dir)) return [dir];
  const inside = existsSync(dir)
    ? readdirSync(dir, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => join(dir, name))
        .filter(isReport)
    : [];
  if (inside.length > 0) return inside.toSorted();
  throw new OperationalError("FILE_UNREADABLE", `no report in ${dir}: no report.jsonl there, nor in a folder below`);
}
