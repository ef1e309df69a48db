/**
 * The kind of bug behind a failure: of the routers that were broken on purpose, the one whose failures look most like these.
 * Which case fails which of them, and why, stands in the committed matrices.
 */
import httpMatrix from "../mutants/http/http-matrix.json" with { type: "json" };
import { HTTP_MUTANTS } from "../mutants/http/http-mutants.ts";
import { nameOf } from "../mutants/http/proxy-adapter.ts";
import matrix from "../mutants/matrix.json" with { type: "json" };
import { MUTANTS } from "../mutants/pure/mutants.ts";
import type { CaseRow } from "../runner/report-rows.ts";

interface Bug {
  /** Of the mutant. */
  readonly id: string;
  readonly words: string;
  /** Cases that it fails, each with the reason: `THR-01 followed-the-owner-below-threshold`. */
  readonly signature: readonly string[];
  /** The one of them that it was made for: of several that look alike, the simplest explanation. */
  readonly madeFor: string;
}

const signatures: Readonly<Record<string, readonly string[]>> = { ...matrix.rows, ...httpMatrix.rows };

const BUGS: readonly Bug[] = [
  ...MUTANTS.map((mutant) => ({ ...mutant, name: mutant.fault as string })),
  ...HTTP_MUTANTS.map((mutant) => ({ ...mutant, name: nameOf(mutant.broken) })),
].map(({ id, name, caseId, reason }) => ({
  id,
  words: inWords(name),
  signature: signatures[id] ?? [],
  madeFor: `${caseId} ${reason}`,
}));

/** Where few cases were run many look alike. */
const MOST_NAMED = 3;

/** By id of the failed case; those that no broken router fails for the same reason are left out. */
export function likelyBugs(cases: readonly CaseRow[]): ReadonlyMap<string, string> {
  const judged = new Set(cases.filter(({ verdict }) => verdict === "pass" || verdict === "fail").map(({ id }) => id));
  const failed = new Set(cases.filter(({ verdict }) => verdict === "fail").map(sign));
  const near = BUGS.map((bug) => ({ ...bug, likeness: likeness(bug, failed, judged) }));
  return new Map(
    cases
      .filter(({ verdict }) => verdict === "fail")
      .flatMap((row) => {
        const alike = near.filter(({ signature }) => signature.includes(sign(row)));
        const most = Math.max(...alike.map((bug) => bug.likeness));
        const closest = alike.filter((bug) => bug.likeness === most);
        const made = closest.filter(({ madeFor }) => madeFor === sign(row));
        const nearest = (made.length > 0 ? made : closest).slice(0, MOST_NAMED);
        if (nearest.length === 0) return [];
        return [[row.id, nearest.map(({ id, words }) => `${words} (mutant ${id})`).join(", or ")] as const];
      }),
  );
}

const sign = ({ id, reason }: CaseRow): string => `${id} ${reason}`;

/** What both fail, of what either fails, among the cases that were judged. */
function likeness({ signature }: Bug, failed: ReadonlySet<string>, judged: ReadonlySet<string>): number {
  const expected = signature.filter((entry) => judged.has(entry.split(" ")[0] ?? ""));
  const shared = expected.filter((entry) => failed.has(entry)).length;
  return shared / (expected.length + failed.size - shared);
}

/** `BuffersStreams` and `buffers-streams` alike. */
function inWords(name: string): string {
  return name
    .replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, " ")
    .replaceAll("-", " ")
    .toLowerCase();
}
