/**
 * What the model would answer: a pure function of the prompt, the seed and the sample's number.
 *
 * The same question gets the same answer, so conversations build on text that a cache has seen. An answer has a natural
 * end, after 64 to 255 tokens, unless `ignore_eos` is set.
 */
import type { ModelTokenizer } from "../../../fixtures/tokenizer/model-tokenizer.ts";
import { vocabularyOf } from "./words.ts";

export interface Question {
  readonly promptTokenIds: ArrayLike<number>;
  /** The request's seed and the number of the sample; both change the answer. */
  readonly seed: number;
  readonly sample: number;
  /** The text that a grammar or a forced tool call leaves no choice about. */
  readonly dictated?: string;
}

export interface ModelAnswer {
  /** The k-th token, k from 0. */
  readonly tokenAt: (index: number) => number;
  /** Tokens up to and with the end-of-sequence token, which takes the last one's place. */
  readonly naturalEndTokens: number;
}

/** Replaceable, so that a test can have its own words. */
export type Model = (question: Question) => ModelAnswer;

const SHORTEST_TOKENS = 64;
const SPREAD_TOKENS = 192;

export function commonWords(tokenizer: ModelTokenizer): Model {
  return ({ promptTokenIds, seed, sample, dictated }) => {
    if (dictated !== undefined) return dictation(tokenizer.encode(dictated), vocabularyOf(tokenizer).first);
    const { sayings } = vocabularyOf(tokenizer);
    const hash = hashOf(promptTokenIds, seed, sample);
    return {
      naturalEndTokens: SHORTEST_TOKENS + (hash % SPREAD_TOKENS),
      tokenAt: sayings[hash % sayings.length] as (index: number) => number,
    };
  };
}

/** These tokens, then the end; a request that ignores the end hears one word from there on. */
function dictation(ids: readonly number[], word: number): ModelAnswer {
  return { naturalEndTokens: ids.length + 1, tokenAt: (index) => ids[index] ?? word };
}

function hashOf(tokens: ArrayLike<number>, seed: number, sample: number): number {
  let hash = Math.imul(0x811c9dc5 ^ seed, 0x01000193) ^ Math.imul(sample, 0x9e3779b1);
  for (let index = 0; index < tokens.length; index++) hash = Math.imul(hash ^ (tokens[index] as number), 0x01000193);
  return hash >>> 0;
}
