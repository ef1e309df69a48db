import { expect, it } from "vitest";
import { smallestMatch } from "./smallest-match.ts";

it.each([
  ["abc", "abc"],
  ["(cat|dog)s?", "cat"],
  ["\\d{3}-\\d{4}", "000-0000"],
  ["[A-Z]{2}[0-9]+", "AA0"],
  ["^[^a-z]$", " "],
  ["(?:a|b)+?c*", "a"],
  ["(?P<year>20\\d\\d)".replace("?P", "?"), "2000"],
  ["[^@]+@[a-z]+\\.com", "a@a.com"],
  ["\\w+ \\w+", "a a"],
  ["[\\]x]", "x"],
])("matches %s by %j", (pattern, text) => expect(smallestMatch(pattern)).toBe(text));

it.each(["(?=a)a", "(a)\\1", "[", "a{2", "(a", "\\p{L}"])("has no answer for %s", (pattern) => {
  expect(smallestMatch(pattern)).toBeUndefined();
});
