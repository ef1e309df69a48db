/** What a profile says of forgetting, in milliseconds and characters. */
import { CHARS_PER_WORD, WORDS_PER_CELL } from "../../corpus/corpus.ts";
import type { RouterProfile } from "../../router-profile.ts";

export const CELL_CHARS: number = WORDS_PER_CELL * CHARS_PER_WORD;

/** 0 without a TTL. */
export const ttlMs = ({ evict }: RouterProfile): number => (evict?.kind === "ttl" ? evict.ttlMs : 0);

const DEFAULT_SWEEP_MS = 60_000;

/** After the TTL, until what expired is surely gone. */
export function sweepMs({ evict }: RouterProfile): number {
  return evict?.kind === "ttl" ? (evict.sweepMs ?? DEFAULT_SWEEP_MS) + 1_000 : 0;
}

/** Of one index; 0 without a capacity. */
export function capacityChars({ evict, match }: RouterProfile): number {
  if (evict?.kind !== "capacity") return 0;
  const unit = match?.unit;
  const charsPerUnit = typeof unit === "object" ? ("token" in unit || unit.of === "token" ? 5 : 1) : 1;
  const blockUnits = typeof unit === "object" && "block" in unit ? unit.block : 1;
  return evict.units * charsPerUnit * blockUnits;
}

/** What makes pods busy, where an index is so small that each of its prompts is of one cell. */
const BUSY_CELLS = 6;

/** Whether an index keeps so many cells while pods are made busy; without a declared capacity any does. */
export function hasRoom(profile: RouterProfile, cells: number): boolean {
  const capacity = capacityChars(profile);
  return capacity === 0 || (cells + BUSY_CELLS) * CELL_CHARS <= capacity;
}

/** The reason of a case that is not for so small an index. */
export const tooSmall = (profile: RouterProfile, what: string): string =>
  `an index of ${capacityChars(profile)} characters forgets ${what}`;
