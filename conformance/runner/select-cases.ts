/** Which cases a user means by `--only`. */
import { OperationalError } from "../../fixtures/operational-error.ts";
import type { Case } from "../case.ts";

/**
 * Ids (`THR-04`), groups (`THR`), patterns (`THR-0*`), levels (`MUST`), requirements (`R-THR-1`) and what
 * SPEC.md has of one subject (`R-THR`), comma-separated.
 *
 * @throws {OperationalError} USAGE when a word matches nothing
 */
export function selectCases(cases: readonly Case[], only: string | undefined): readonly Case[] {
  if (only === undefined) return cases;
  const words = only.split(",").flatMap((word) => (word.trim() === "" ? [] : [word.trim()]));
  if (words.length === 0) throw new OperationalError("USAGE", "--only selects nothing; give ids such as THR-04");
  const matchers = words.map((word) => matcher(word, cases));
  return cases.filter((each) => matchers.some((matches) => matches(each)));
}

export function groupOf({ id }: Pick<Case, "id">): string {
  return id.split("-")[0] ?? id;
}

/** `R-THR` of `R-THR-1`: a case stands in the group of its id, and its requirement may stand elsewhere. */
function sectionOf({ requirement }: Case): string {
  return requirement.replace(/-\d+$/, "");
}

/** `*` stands for any characters; everything else for itself, in either case of letters. */
export function matchesPattern(pattern: string, text: string): boolean {
  const source = pattern
    .split("*")
    .map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`))
    .join(".*");
  return new RegExp(`^${source}$`, "i").test(text);
}

function matcher(word: string, cases: readonly Case[]): (each: Case) => boolean {
  const matches = (each: Case): boolean =>
    [each.id, groupOf(each), each.level, each.requirement, sectionOf(each)].some((text) => matchesPattern(word, text));
  if (cases.some(matches)) return matches;
  const groups = [...new Set(cases.map(groupOf))].join(", ");
  throw new OperationalError(
    "USAGE",
    `--only: no case is called "${word}"; there are the groups ${groups}, and --list shows every id`,
  );
}
