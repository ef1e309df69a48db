/** Texts that part at an exact character, and texts of which characters, bytes and tokens tell apart. */
import type { RandomStream } from "../../fixtures/random.ts";
import { CHARS_PER_WORD } from "../corpus/corpus.ts";
import { CORPUS_WORDS } from "../corpus/words.ts";

/**
 * What a text is made of. `words`: five characters, five bytes, one token each; `letters`: two characters, one token;
 * `wide`: one character, three bytes.
 */
export type Density = "words" | "letters" | "wide";

const CJK_FIRST = 0x4e00;
const CJK_COUNT = 20_000;

/** A fresh text of exactly so many characters. */
export function freshText(random: RandomStream, chars: number, density: Density = "words"): string {
  let text = "";
  while (text.length < chars) {
    if (density === "wide") text += String.fromCharCode(CJK_FIRST + random.below(CJK_COUNT));
    else text += ` ${density === "words" ? random.pick(CORPUS_WORDS) : random.pick(LETTERS)}`;
  }
  return text.slice(0, chars);
}

const LETTERS = Array.from("abcdefghijklmnopqrstuvwxyz");

/**
 * Shares exactly the first `at` characters with `known` and goes on with fresh words up to `chars`. The word in which they
 * part is filled up with line breaks, which no tokenizer joins to a word: it is one token where they part between words,
 * and never fewer inside one, so that a router that counts tokens never takes the longer share for the smaller ratio.
 */
export function partingText(random: RandomStream, known: string, at: number, chars: number): string {
  const next = known.charAt(at);
  const letter = next === " " ? "\n" : next === "j" ? "k" : "j";
  const odd = letter.padEnd(CHARS_PER_WORD - (at % CHARS_PER_WORD), "\n");
  const rest = freshText(random, Math.max(0, chars - at - odd.length));
  return (known.slice(0, at) + odd + rest).slice(0, Math.max(chars, at));
}

/** Parts at a whole word, as natural text does: every word is still one token, and the space is shared too. */
export function partingAtWord(random: RandomStream, known: string, at: number, chars: number): string {
  let rest = freshText(random, chars - at);
  while (rest.charAt(1) === known.charAt(at + 1)) rest = freshText(random, chars - at);
  return known.slice(0, at) + rest;
}
