/** A replay for people (a table), for programs (JSON lines) and for keeping (a folder). */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { OperationalError } from "../../fixtures/operational-error.ts";
import type { Played } from "./played.ts";
import type { Percentiles, ReplaySummary } from "./summary.ts";

export interface ReplayHeader {
  readonly trace: string;
  readonly scale: number;
  /** How many times as dense as in the trace requests came. */
  readonly rate: number;
  readonly pods: string;
  readonly seed: number;
  readonly requests: number;
  readonly idealHitRatio: number;
}

const COLUMNS = [
  "strategy",
  "hits",
  "of ideal",
  "TTFT ms p50 / p90 / p99",
  "end to end ms p50 / p90 / p99",
  "imbalance",
  "preempted",
  "refused",
  "wall s",
];

export class ReplayReport {
  readonly #header: ReplayHeader;
  readonly #json: boolean;
  readonly #directory: string | undefined;
  readonly #summaries: ReplaySummary[] = [];
  readonly #rows: string[][] = [];
  readonly #requestLines: string[] = [];

  constructor(header: ReplayHeader, options: { readonly json?: boolean; readonly report?: string }) {
    this.#header = header;
    this.#json = options.json === true;
    this.#directory = options.report;
    // A folder that cannot be made should not cost a whole run.
    if (this.#directory !== undefined) write(this.#directory, "replay.json", "");
    if (this.#json) print({ type: "header", ...header });
  }

  add(summary: ReplaySummary, played: Played, wallMs: number): void {
    this.#summaries.push(summary);
    this.#rows.push(row(summary, this.#header.idealHitRatio, wallMs));
    if (this.#json) print({ type: "strategy", ...summary });
    if (this.#directory === undefined) return;
    for (const request of played.requests) {
      this.#requestLines.push(JSON.stringify({ strategy: summary.strategy, ...request }));
    }
  }

  finish(): void {
    const { trace, scale, rate, pods, seed, requests, idealHitRatio } = this.#header;
    const title =
      `${requests} requests of ${trace} at scale 1/${scale} and ${rate} times its rate on ${pods}, seed ${seed}; ` +
      `one endless cache would hit ${percent(idealHitRatio)} of prompt tokens`;
    if (!this.#json) process.stdout.write(`${title}\n\n${aligned([COLUMNS, ...this.#rows])}\n`);
    if (this.#directory === undefined) return;
    write(
      this.#directory,
      "replay.json",
      `${JSON.stringify({ ...this.#header, strategies: this.#summaries }, null, 2)}\n`,
    );
    write(this.#directory, "replay.md", `# Replay\n\n${title}\n\n${markdown([COLUMNS, ...this.#rows])}\n`);
    write(this.#directory, "requests.jsonl", this.#requestLines.map((line) => `${line}\n`).join(""));
  }
}

function row(summary: ReplaySummary, idealHitRatio: number, wallMs: number): string[] {
  return [
    summary.strategy,
    percent(summary.prefixHitRatio),
    idealHitRatio === 0 ? "-" : percent(summary.prefixHitRatio / idealHitRatio),
    triple(summary.ttftMs),
    triple(summary.endToEndMs),
    summary.imbalance.toFixed(2),
    String(summary.preemptions),
    String(summary.refused),
    (wallMs / 1000).toFixed(1),
  ];
}

function percent(ratio: number): string {
  return `${(100 * ratio).toFixed(1)} %`;
}

function triple({ p50, p90, p99 }: Percentiles): string {
  return [p50, p90, p99].map((ms) => (Number.isNaN(ms) ? "-" : ms.toFixed(0))).join(" / ");
}

/** The first column to the left, the others to the right. */
function aligned(rows: readonly (readonly string[])[]): string {
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
        .join("  "),
    )
    .join("\n");
}

function markdown([head = [], ...body]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map((_, column) => (column === 0 ? "---" : "---:"))), ...body.map(line)].join("\n");
}

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

function write(directory: string, name: string, content: string): void {
  try {
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, name), content);
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new OperationalError("FILE_UNREADABLE", `cannot write ${join(directory, name)}: ${reason}`, { cause });
  }
}
