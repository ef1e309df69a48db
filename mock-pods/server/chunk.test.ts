import { assert, property, string } from "fast-check";
import { expect, it } from "vitest";
import { Chunk, RecurringChunks } from "./chunk.ts";

const anyText = string({ unit: "binary", minLength: 1, maxLength: 300 }).filter((text) => text.isWellFormed());

it("frames any text by its length in bytes", () => {
  assert(
    property(anyText, (text) => {
      const chunk = new Chunk(text);
      const bytes = Buffer.from(text);
      expect(chunk.frame.toString()).toBe(`${bytes.length.toString(16)}\r\n${text}\r\n`);
    }),
  );
});

it("keeps the chunks of common words, and no more of others", () => {
  const recurring = new RecurringChunks();
  const words = Array.from({ length: 1000 }, (_, word) => `word ${word}`);
  for (const word of words) recurring.keep(word, new Chunk(word));
  const kept = words.filter((word) => recurring.find(word) !== undefined);
  expect(kept).toEqual(words.slice(0, 32));
  for (const word of kept) expect(recurring.find(word)?.text).toBe(word);
});
