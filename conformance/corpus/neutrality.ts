/** Is the corpus neutral in a vocabulary: is a prompt of n words n tokens, and do cells begin and end with tokens? */
import { createCorpus, WORDS_PER_CELL } from "./corpus.ts";
import type { RandomStream } from "../../fixtures/random.ts";
import type { Encode } from "./vocabularies.ts";
import { CORPUS_WORDS } from "./words.ts";

export interface Neutrality {
  /** Words that are not one token with the space before them, alone or between others, and how many they are. */
  readonly wrongWords: readonly { readonly word: string; readonly tokens: number }[];
  /**
   * Tokens of a prompt before its first word. Vocabularies of SentencePiece put a space of their own before a text, so
   * that the corpus's first space is a token: one more in every prompt, shared by all of them.
   */
  readonly leadTokens: number;
  /** How many prompts were encoded, and what was wrong with those that did not count as cells of 128 tokens. */
  readonly prompts: number;
  readonly wrongPrompts: readonly string[];
}

export const isNeutral = ({ wrongWords, wrongPrompts }: Neutrality): boolean =>
  wrongWords.length === 0 && wrongPrompts.length === 0;

const NAMESPACES = 3;
/** As most cases send them; the longest stands for what ladders send. */
const CELLS = [0, 1, 2, 5, 20];

/** `random` draws the prompts, as a run with that seed may. */
export function neutralityOf(
  encode: Encode,
  random: RandomStream,
  words: readonly string[] = CORPUS_WORDS,
): Neutrality {
  const leadTokens = leadOf(encode, words);
  const wrongWords = words.flatMap((word) => {
    const tokens = tokensOfWord(encode, word, words[0] ?? "", leadTokens);
    return tokens === 1 ? [] : [{ word, tokens }];
  });
  const corpus = createCorpus(random);
  const checked = Array.from({ length: NAMESPACES }, () => checkNamespace(encode, corpus.namespace(), leadTokens));
  return {
    wrongWords,
    leadTokens,
    prompts: NAMESPACES * (CELLS.length + 1),
    wrongPrompts: checked.flat(),
  };
}

/** Twice the text has the words' tokens twice and the lead once. */
function leadOf(encode: Encode, words: readonly string[]): number {
  const text = words.map((word) => ` ${word}`).join("");
  return 2 * encode(text).length - encode(text + text).length;
}

function tokensOfWord(encode: Encode, word: string, other: string, leadTokens: number): number {
  const alone = encode(` ${word}`).length - leadTokens;
  const between = encode(` ${other} ${word} ${other}`).length - encode(` ${other} ${other}`).length;
  return alone === 1 ? between : alone;
}

function checkNamespace(
  encode: Encode,
  namespace: ReturnType<ReturnType<typeof createCorpus>["namespace"]>,
  leadTokens: number,
): string[] {
  const wrong: string[] = [];
  const names = Array.from({ length: Math.max(...CELLS) }, (_, index) => `cell-${index}`);
  let shorter: readonly number[] = [];
  for (const count of CELLS) {
    const tokens = encode(namespace.prompt(names.slice(0, count)).text);
    const expected = leadTokens + (1 + count) * WORDS_PER_CELL;
    if (tokens.length !== expected) {
      wrong.push(`a prompt of ${cells(1 + count)} is ${tokens.length} tokens, not ${expected}`);
    } else if (sharedTokens(tokens, shorter) !== shorter.length) {
      wrong.push(`the tokens of a prompt of ${cells(1 + count)} do not begin with those of its first cells`);
    }
    shorter = tokens;
  }
  const sibling = encode(namespace.prompt(["another"]).text);
  const shared = sharedTokens(sibling, shorter);
  const expected = leadTokens + WORDS_PER_CELL;
  if (shared !== expected) wrong.push(`two prompts that share one cell share ${shared} tokens, not ${expected}`);
  return wrong;
}

const cells = (count: number): string => (count === 1 ? "1 cell" : `${count} cells`);

function sharedTokens(one: readonly number[], other: readonly number[]): number {
  const end = one.findIndex((token, index) => token !== other[index]);
  return end === -1 ? one.length : end;
}
