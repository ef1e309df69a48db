import { expect, it } from "vitest";
import { Random } from "../../fixtures/random.ts";
import { CORPUS_WORDS } from "./words.ts";
import { createCorpus } from "./corpus.ts";

const corpus = (name = "corpus") => createCorpus(new Random(1).stream(name));

it("makes cells of 640 characters and 640 bytes", () => {
  const { text } = corpus().namespace().prompt(["a"]);
  expect([text.length, Buffer.byteLength(text)]).toEqual([1280, 1280]);
});

it("has no word twice and only four-letter words", () => {
  expect(new Set(CORPUS_WORDS).size).toBe(CORPUS_WORDS.length);
  expect(CORPUS_WORDS.filter((word) => !/^[a-z]{4}$/.test(word))).toEqual([]);
});

it("repeats a cell by name and tells sibling cells apart at their first letter", () => {
  const namespace = corpus().namespace();
  const names = Array.from({ length: 20 }, (_, index) => `cell-${index}`);
  const starts = names.map((name) => namespace.prompt([name]).text.slice(640, 642));
  expect(new Set(starts).size).toBe(20);
  expect(namespace.prompt(["cell-3", "cell-4"]).text.slice(640, 1280)).toBe(
    namespace.prompt(["cell-3"]).text.slice(640),
  );
});

it("cuts a fraction of a cell at a word", () => {
  const namespace = corpus().namespace();
  const whole = namespace.prompt(["a"]).text;
  const part = namespace.prompt(["a:0.3"]).text;
  expect(part).toHaveLength(640 + 38 * 5);
  expect(whole.startsWith(part)).toBe(true);
});

it("gives each namespace its own nonce, and the same texts for the same seed", () => {
  const one = corpus();
  const other = corpus();
  const texts = Array.from({ length: 50 }, () => one.namespace().prompt([]).text);
  expect(new Set(texts.map((text) => text.slice(0, 25))).size).toBe(50);
  expect(Array.from({ length: 50 }, () => other.namespace().prompt([]).text)).toEqual(texts);
  expect(corpus("another case").namespace().prompt([]).text).not.toBe(texts[0]);
});
