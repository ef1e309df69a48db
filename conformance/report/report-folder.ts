/** A report on disk: `report.jsonl`, written row by row so that a run that dies leaves what it had, and its evidence. */
import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { OperationalError } from "../../fixtures/operational-error.ts";
import type { Evidence } from "../runner/evidence.ts";
import type { CaseRow, FooterRow, HeaderRow, Report, ReportRow } from "../runner/report-rows.ts";
import { CASES } from "../cases/index.ts";
import { junitXml } from "./junit.ts";

const ROWS = "report.jsonl";
const JUNIT = "junit.xml";
const EVIDENCE = "evidence";

export class ReportFolder {
  readonly #folder: string;
  #header: HeaderRow | undefined;
  readonly #cases: CaseRow[] = [];

  /** @throws {OperationalError} USAGE when the folder cannot be made */
  constructor(folder: string) {
    this.#folder = folder;
    try {
      mkdirSync(join(folder, EVIDENCE), { recursive: true });
      for (const old of readdirSync(join(folder, EVIDENCE))) rmSync(join(folder, EVIDENCE, old));
      writeFileSync(join(folder, ROWS), "");
    } catch (cause) {
      throw new OperationalError("USAGE", `cannot write a report to ${folder}: ${(cause as Error).message}`, { cause });
    }
  }

  add(row: ReportRow, evidence?: Evidence): void {
    appendFileSync(join(this.#folder, ROWS), `${JSON.stringify(row)}\n`);
    if (row.type === "header") this.#header = row;
    if (row.type === "case") {
      this.#cases.push(row);
      if (evidence !== undefined)
        writeFileSync(join(this.#folder, EVIDENCE, `${row.id}.json`), JSON.stringify(evidence));
    }
    if (row.type === "footer" && this.#header !== undefined) {
      writeFileSync(
        join(this.#folder, JUNIT),
        junitXml({ header: this.#header, cases: inOrder(this.#cases), footer: row }),
      );
    }
  }
}

/** @throws {OperationalError} FILE_UNREADABLE or FILE_INVALID: a report without footer is no report */
export function readReport(folder: string): Report {
  const path = join(folder, ROWS);
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new OperationalError("FILE_UNREADABLE", `no report in ${folder}: cannot read ${ROWS}`, { cause });
  }
  const rows = text
    .split("\n")
    .flatMap((line, index) => (line.trim() === "" ? [] : [parseRow(line, `${path}:${index + 1}`)]));
  const header = rows.find((row): row is HeaderRow => row.type === "header");
  const footer = rows.find((row): row is FooterRow => row.type === "footer");
  const cases = rows.filter((row): row is CaseRow => row.type === "case");
  if (header === undefined) throw new OperationalError("FILE_INVALID", `${path}: no header row`);
  if (footer === undefined) {
    throw new OperationalError("FILE_INVALID", `${path}: no footer row; the run that wrote it did not end`);
  }
  const twice = cases.find(({ id }, index) => cases.findIndex((other) => other.id === id) !== index);
  if (twice !== undefined) throw new OperationalError("FILE_INVALID", `${path}: ${twice.id} stands in it twice`);
  if (cases.length !== header.suite.cases) {
    throw new OperationalError(
      "FILE_INVALID",
      `${path}: ${cases.length} cases of ${header.suite.cases}; every id must be in a report`,
    );
  }
  return { header, cases: inOrder(cases), footer };
}

/** Rows are written as they come, in whatever order the cases ran; they are read in the catalogue's. */
function inOrder(cases: readonly CaseRow[]): CaseRow[] {
  const places = new Map(CASES.map(({ id }, index) => [id, index]));
  return cases.toSorted((a, b) => (places.get(a.id) ?? Infinity) - (places.get(b.id) ?? Infinity) || 0);
}

/** What a case did and saw; undefined when it did not run. */
export function readEvidence(folder: string, id: string): Evidence | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, EVIDENCE, `${id}.json`), "utf8")) as Evidence;
  } catch {
    return undefined;
  }
}

function parseRow(line: string, where: string): ReportRow {
  try {
    const row = JSON.parse(line) as ReportRow;
    if (["header", "case", "footer"].includes(row.type)) return row;
  } catch {
    // Named below.
  }
  throw new OperationalError("FILE_INVALID", `${where}: not a report row`);
}
