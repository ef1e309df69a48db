import * as fc from "fast-check";
import { expect, it } from "vitest";
import { cl100k } from "../../../fixtures/tokenizer/cl100k.ts";
import type { Tokenizer } from "../../../fixtures/tokenizer/tokenizer.ts";
import { SegmentCache } from "./segment-cache.ts";

const encode = (cache: SegmentCache, text: string): number[] => cache.encode(text).flatMap((ids) => [...ids]);

/** Words, numbers, punctuation, white space and scripts in the proportions of prompts, long enough for many segments. */
const prose = fc
  .array(
    fc.constantFrom(
      "the",
      "Router's",
      " ",
      "  ",
      "\n",
      "\r\n\n",
      "42",
      "3.14159",
      "naïve",
      "東京",
      "。",
      "👩‍👩‍👧",
      "don't",
      "_x",
      "\t",
      "!!",
      "éclair",
    ),
    { minLength: 300, maxLength: 1200 },
  )
  .map((words) => words.join(""));

it("gives exactly the ids of the whole text, cold and warm", () => {
  const cache = new SegmentCache(cl100k, 1 << 20);
  fc.assert(
    fc.property(prose, (text) => {
      const whole = cl100k.encode(text);
      expect(encode(cache, text)).toEqual(whole);
      expect(encode(cache, text)).toEqual(whole);
    }),
    { numRuns: 60 },
  );
});

it("asks the tokenizer only for what follows a prefix seen before", () => {
  let askedChars = 0;
  const counting: Tokenizer = { ...cl100k, encode: (text) => ((askedChars += text.length), cl100k.encode(text)) };
  const cache = new SegmentCache(counting, 1 << 22);
  const prefix = "Each node of the tree owns a run of tokens. ".repeat(5000);
  cache.encode(`${prefix}first question`);
  askedChars = 0;
  cache.encode(`${prefix}another question, a little longer`);
  expect(askedChars).toBeLessThan(600);
});

it("keeps to its capacity, oldest out first", () => {
  let asked = 0;
  const counting: Tokenizer = { ...cl100k, encode: (text) => (asked++, cl100k.encode(text)) };
  const cache = new SegmentCache(counting, 4000);
  for (const letter of "abcdefgh") cache.encode(`${letter} `.repeat(120));
  asked = 0;
  cache.encode("h ".repeat(120));
  expect(asked).toBe(0);
  cache.encode("a ".repeat(120));
  expect(asked).toBe(1);
});

it("keeps to its capacity in bytes, however short the texts", () => {
  let asked = 0;
  const counting: Tokenizer = { ...cl100k, encode: (text) => (asked++, cl100k.encode(text)) };
  const cache = new SegmentCache(counting, 2 ** 20);
  for (let index = 0; index < 10_000; index++) cache.encode(`${index}`);
  const isKnown = (index: number): boolean => {
    asked = 0;
    cache.encode(`${index}`);
    return asked === 0;
  };
  let known = 0;
  while (isKnown(9_999 - known)) known += 1;
  // An entry costs 256 bytes and its few characters and ids.
  expect(known).toBeGreaterThan(3_500);
  expect(known).toBeLessThan(4_096);
});

it("takes a megabyte of one letter, one emoji or lone surrogates without ado", () => {
  const cache = new SegmentCache(cl100k, 1 << 20);
  for (const unit of ["a", "👩", "\ud800", "東", " "]) {
    const text = unit.repeat(1_000_000 / unit.length);
    expect(cache.encode(text).length).toBeGreaterThan(1900);
  }
});
