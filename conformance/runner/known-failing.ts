/** The list of cases that a router is known to fail, each with a reason and a link. */
import { Type, type Static } from "typebox";
import { checker, readJsonFile } from "../../fixtures/schema.ts";
import type { Case } from "../case.ts";
import type { Verdict } from "../judgement.ts";
import { matchesPattern } from "./select-cases.ts";

const Entry = Type.Object(
  {
    /** An id, or a pattern with `*`. */
    pattern: Type.String({ minLength: 1 }),
    reason: Type.String({ minLength: 1 }),
    /** It fails by chance: that it passes is no sign that the fault is gone. */
    sometimes: Type.Optional(Type.Boolean()),
    /** Where the fault is tracked. */
    link: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
);

export type KnownFailing = Static<typeof Entry>;

const check = checker(Type.Array(Entry));

/** `given` is the list, or its file's path. @throws {OperationalError} FILE_UNREADABLE or FILE_INVALID */
export function knownFailingIn(given: readonly KnownFailing[] | string): readonly KnownFailing[] {
  return typeof given === "string" ? check(readJsonFile(given), given) : check(given, "knownFailing");
}

export function knownFailingFor(id: string, entries: readonly KnownFailing[]): KnownFailing | undefined {
  return entries.find(({ pattern }) => matchesPattern(pattern, id));
}

export function unmatchedEntries(entries: readonly KnownFailing[], catalogue: readonly Case[]): KnownFailing[] {
  return entries.filter(({ pattern }) => !catalogue.some(({ id }) => matchesPattern(pattern, id)));
}

/**
 * Entries that no longer say the truth: one that matches no case at all, or whose case passes. Both are failures, so that
 * a list never outlives its faults.
 */
export function staleEntries(
  entries: readonly KnownFailing[],
  catalogue: readonly Case[],
  verdicts: ReadonlyMap<string, Verdict>,
): string[] {
  return entries.flatMap(({ pattern, sometimes = false }) => {
    const ids = catalogue.map(({ id }) => id).filter((id) => matchesPattern(pattern, id));
    if (ids.length === 0) return [`"${pattern}" matches no case`];
    const passing = sometimes ? [] : ids.filter((id) => verdicts.get(id) === "pass");
    return passing.length === 0 ? [] : [`"${pattern}": ${passing.join(", ")} pass${passing.length === 1 ? "es" : ""}`];
  });
}
