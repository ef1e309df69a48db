/** From rows to one verdict and exit code. */
import { type Level, LEVELS } from "../case.ts";
import { type Verdict, VERDICTS } from "../judgement.ts";
import type { CaseRow, FooterRow, OverallVerdict } from "./report-rows.ts";

const EXIT_CODES = { conformant: 0, "non-conformant": 1, inconclusive: 2, error: 3 } as const;

export interface VerdictOptions {
  /** Failures of SHOULD count as those of MUST. */
  readonly strict: boolean;
  readonly stale: readonly string[];
  readonly durationMs: number;
  readonly error?: string | undefined;
}

/**
 * A failed requirement outweighs everything; then what kept the kit from judging; then what stayed undecided. What a
 * SHOULD says counts only when strict, what an INFO says never.
 */
export function footerFor(rows: readonly CaseRow[], options: VerdictOptions): FooterRow {
  const verdict = overall(rows, options);
  const failures = rows.filter((row) => row.verdict === "fail" && row.knownFailing === undefined);
  return {
    type: "footer",
    verdict,
    exitCode: EXIT_CODES[verdict],
    counts: tally(VERDICTS, (verdict) => rows.filter((row) => row.verdict === verdict).length),
    failed: tally(LEVELS, (level) => failures.filter((row) => row.level === level).length),
    knownFailing: rows.filter((row) => row.verdict === "fail" && row.knownFailing !== undefined).length,
    stale: options.stale,
    durationMs: Math.round(options.durationMs),
    ...(options.error === undefined ? {} : { error: options.error }),
  };
}

function overall(rows: readonly CaseRow[], { strict, stale, error }: VerdictOptions): OverallVerdict {
  const binding = rows.filter(({ level }) => binds(level, strict));
  const has = (verdict: Verdict): boolean => binding.some((row) => row.verdict === verdict);
  if (stale.length > 0 || binding.some((row) => row.verdict === "fail" && row.knownFailing === undefined)) {
    return "non-conformant";
  }
  if (error !== undefined || rows.some((row) => row.verdict === "error")) return "error";
  // A run in which nothing could be judged shows nothing.
  const judged = rows.some(({ verdict }) => verdict === "pass" || verdict === "fail");
  return !judged || has("inconclusive") || has("not-run") ? "inconclusive" : "conformant";
}

function binds(level: Level, strict: boolean): boolean {
  return level === "MUST" || level === "declared-MUST" || (level === "SHOULD" && strict);
}

/** In the order of the words; those that came never are left out. */
function tally<T extends string>(words: readonly T[], countOf: (word: T) => number): Partial<Record<T, number>> {
  const counts: Partial<Record<T, number>> = {};
  for (const word of words) {
    const count = countOf(word);
    if (count > 0) counts[word] = count;
  }
  return counts;
}
