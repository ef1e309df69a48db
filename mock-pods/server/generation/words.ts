/**
 * What a pod says: common words that are one token each with their leading space in the usual vocabularies, so that load
 * generators that tokenize the answer again count as many tokens as were sent.
 */
import type { ModelTokenizer } from "../../../fixtures/tokenizer/model-tokenizer.ts";

/** All of one length, so that nothing moves in a frame whose text changes. */
const WORDS = ["the", "for", "you", "not", "but", "one", "our", "out", "who", "how", "now", "new", "two"];

export interface Vocabulary {
  /** A first word without the space. */
  readonly first: number;
  /** Never empty. */
  readonly words: readonly number[];
  /** The k-th token, k from 0, of an answer that begins with the n-th word: by n. Few, and shared by all answers. */
  readonly sayings: readonly ((index: number) => number)[];
  /** Their texts, by id. */
  readonly texts: ReadonlyMap<number, string>;
}

const known = new WeakMap<ModelTokenizer, Vocabulary>();

export function vocabularyOf(tokenizer: ModelTokenizer): Vocabulary {
  let vocabulary = known.get(tokenizer);
  if (vocabulary === undefined) known.set(tokenizer, (vocabulary = choose(tokenizer)));
  return vocabulary;
}

function choose(tokenizer: ModelTokenizer): Vocabulary {
  const words = WORDS.flatMap((word) => single(tokenizer, ` ${word}`));
  if (words.length === 0) words.push(...anyTokens(tokenizer));
  const [first = words[0] as number] = WORDS.flatMap((word) => single(tokenizer, word));
  const texts = new Map([first, ...words].map((id) => [id, tokenizer.decodeOutput([id], true)] as const));
  const sayings = words.map((_, start) => (index: number) => {
    return index === 0 ? first : (words[(start + index) % words.length] as number);
  });
  return { first, words, sayings, texts };
}

function single(tokenizer: ModelTokenizer, text: string): number[] {
  const ids = tokenizer.encode(text);
  const [id] = ids;
  return ids.length === 1 && id !== undefined && tokenizer.decodeOutput([id], true) === text ? [id] : [];
}

/** A vocabulary without one of the words: whatever is plain text on its own. */
function anyTokens(tokenizer: ModelTokenizer): number[] {
  const found: number[] = [];
  for (let id = 0; id < tokenizer.vocabSize && found.length < 16; id++) {
    if (/^[ -~]+$/.test(tokenizer.decodeOutput([id], false))) found.push(id);
  }
  return found.length > 0 ? found : [0];
}
