/**
 * Lengths and common prefixes in the unit a router matches in.
 *
 * Corpus prompts are runs of one-token words, so tokens can be counted without a tokenizer. For any other text a token
 * count is a range. Block units are converted to their base unit, so that all ratios compare.
 */
import type { RouterProfile } from "../router-profile.ts";
import { exactly, type Range } from "./range.ts";

type Match = NonNullable<RouterProfile["match"]>;
type BaseUnit = "char" | "byte" | "token";

export interface Measure {
  total(text: string): Range;
  /** Units that a router may count as shared from the start of both texts. */
  shared(request: string, known: string): Range;
  /** Base units in one declared unit: the size of a block, else 1. */
  readonly blockUnits: number;
  /** Units that two unrelated prompts may share by chance. */
  readonly chanceUnits: number;
  /** Units by which a ratio may be off: what stands between prompt and router (template, remote tokenizer). */
  tolerance(totalUnits: number): number;
}

/** Two corpus prompts of different namespaces start with five equal words once in 10^13 pairs. */
const CHANCE_WORDS = 5;
const CHARS_PER_WORD = 5;
/** A chat template or JSON envelope puts a few words around a prompt. */
const WRAPPER_WORDS = 40;
const INEXACT_RATIO = 0.01;

/** `undefined` when the router declares no unit, or matches nothing. */
export function measureOf(profile: RouterProfile): Measure | undefined {
  const match = profile.match;
  if (match === undefined || match.unit === "none") return undefined;
  const { base, blockUnits } = unitOf(match.unit);
  const perWord = base === "token" ? 1 : CHARS_PER_WORD;
  const wrapped = match.input === "template" || match.input === "json" ? WRAPPER_WORDS * perWord : 0;
  const inBlocks = (units: number): number => Math.floor(units / blockUnits) * blockUnits;
  return {
    total: (text) => {
      const { low, high } = count(text, base);
      const partial = match.partialBlock;
      return {
        low: partial === "exact" || partial === "whole" ? low : inBlocks(low),
        high: partial === "whole" || partial === undefined ? Math.ceil(high / blockUnits) * blockUnits : high,
      };
    },
    shared: (request, known) => {
      const prefix = commonPrefix(request, known);
      if (prefix.length === 0) return NOTHING;
      const { low, high } = count(prefix, base, request);
      if (match.partialBlock === "exact") return { low, high };
      // A last partial block hashed as a full one matches only where both prompts end in it.
      const whole = request === known && match.partialBlock !== "dropped";
      return {
        low: whole && match.partialBlock === "whole" ? low : inBlocks(low),
        high: whole ? high : inBlocks(high),
      };
    },
    blockUnits,
    chanceUnits: inBlocks(CHANCE_WORDS * perWord),
    tolerance: (totalUnits) => wrapped + (profile.exact === true ? 0 : Math.ceil(totalUnits * INEXACT_RATIO)),
  };
}

function unitOf(unit: Match["unit"]): { base: BaseUnit; blockUnits: number } {
  if (typeof unit === "string") return { base: unit === "byte" ? "byte" : "char", blockUnits: 1 };
  if ("token" in unit) return { base: "token", blockUnits: 1 };
  return { base: unit.of, blockUnits: unit.block };
}

export function commonPrefix(a: string, b: string): string {
  const limit = Math.min(a.length, b.length);
  let length = 0;
  // Most pairs of a history differ in the first word; long equal runs are compared in slices.
  if (a.charCodeAt(1) === b.charCodeAt(1) && a.charCodeAt(2) === b.charCodeAt(2)) {
    while (length + 64 <= limit && a.slice(length, length + 64) === b.slice(length, length + 64)) length += 64;
  }
  while (length < limit && a.charCodeAt(length) === b.charCodeAt(length)) length++;
  return a.slice(0, length);
}

const NOTHING = exactly(0);

const WORDS_ONLY = /^(?: [a-z]{4})*(?: [a-z]{0,3})?$/;

/** A history is measured against one prompt after another, so the answer for the last one is kept. */
let lastTested = { text: "", wordsOnly: true };

function isWordsOnly(text: string): boolean {
  if (lastTested.text !== text) lastTested = { text, wordsOnly: WORDS_ONLY.test(text) };
  return lastTested.wordsOnly;
}

/** Units in `text`, a prefix of `whole`. */
function count(text: string, base: BaseUnit, whole = text): Range {
  if (isWordsOnly(whole) || WORDS_ONLY.test(text)) {
    if (base !== "token") return exactly(text.length);
    const words = Math.floor(text.length / CHARS_PER_WORD);
    // A prefix that stops inside a word of the whole shares none of that word's token.
    return { low: words, high: text.length % CHARS_PER_WORD === 0 || text !== whole ? words : words + 1 };
  }
  const bytes = new TextEncoder().encode(text).length;
  if (base === "byte") return exactly(bytes);
  // Code points by some, UTF-16 units by others.
  const points = Array.from(text).length;
  if (base === "char") return { low: points, high: text.length };
  return { low: Math.floor(points / 16), high: bytes };
}
