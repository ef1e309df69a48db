/** Lengths at which a match is the threshold to the unit. */
import { CHARS_PER_WORD, WORDS_PER_CELL } from "../../corpus/corpus.ts";
import type { RouterProfile } from "../../router-profile.ts";

const MOST_WORDS = 20 * WORDS_PER_CELL;

/** The shortest prompt, in words, whose shared part is exactly the threshold and ends with a whole unit. */
export function exactShape({
  threshold,
  match,
}: RouterProfile): { sharedWords: number; totalWords: number } | undefined {
  if (threshold === null || threshold === undefined || match === undefined || threshold.value <= 0) return undefined;
  const step = wordsPerUnit(match.unit);
  for (let totalWords = 2 * WORDS_PER_CELL; totalWords <= MOST_WORDS; totalWords++) {
    const sharedWords = Math.round(threshold.value * totalWords);
    const exact = Math.abs(threshold.value * totalWords - sharedWords) < 1e-9;
    const whole = sharedWords % step === 0 && totalWords % step === 0;
    if (exact && whole && sharedWords >= WORDS_PER_CELL && sharedWords < totalWords) return { sharedWords, totalWords };
  }
  return undefined;
}

/** The fewest words that are a whole number of units. */
function wordsPerUnit(unit: NonNullable<RouterProfile["match"]>["unit"]): number {
  if (typeof unit === "string" || "token" in unit) return 1;
  if (unit.of === "token") return unit.block;
  for (let words = 1; ; words++) if ((words * CHARS_PER_WORD) % unit.block === 0) return words;
}

export interface UnitBoundary {
  readonly sharedChars: number;
  readonly totalChars: number;
  /** Characters of the smallest step: a token's where tokens are matched, else one. */
  readonly unitChars: number;
}

/** The shortest prompt, in characters, whose shared part is exactly the threshold; at threshold 0, exactly one block. */
export function unitBoundary(profile: RouterProfile): UnitBoundary | undefined {
  const { match, threshold } = profile;
  if (match === undefined || match.unit === "none" || threshold === undefined) return undefined;
  const { unit } = match;
  const inTokens = typeof unit === "object" && ("token" in unit || unit.of === "token");
  const unitChars = inTokens ? CHARS_PER_WORD : 1;
  if (threshold === null || threshold.value === 0) {
    const blockUnits = typeof unit === "object" && "block" in unit ? unit.block : 1;
    const sharedChars = blockUnits * unitChars;
    return { sharedChars, totalChars: 4 * sharedChars, unitChars };
  }
  const shape = exactShape(profile);
  if (shape === undefined) return undefined;
  return {
    sharedChars: shape.sharedWords * CHARS_PER_WORD,
    totalChars: shape.totalWords * CHARS_PER_WORD,
    unitChars,
  };
}
