/**
 * Log probabilities of tokens: invented, but of vLLM's shape. The chosen token is the likeliest; the others that are
 * listed are the pod's own words in falling order.
 */
import type { ModelTokenizer } from "../../../fixtures/tokenizer/model-tokenizer.ts";
import { vocabularyOf } from "./words.ts";

export interface TokenLogprob {
  readonly id: number;
  readonly token: string;
  readonly logprob: number;
}

export interface LogprobOptions {
  /** How many alternatives; -1 for the whole vocabulary. */
  readonly count: number;
  /** These instead of the likeliest, if given. */
  readonly ids: readonly number[] | undefined;
  readonly asIds: boolean;
}

/** The likeliest tokens at a position, the chosen one first. */
export function topLogprobs(tokenizer: ModelTokenizer, chosen: number, options: LogprobOptions): TokenLogprob[] {
  const others = options.ids ?? alternatives(tokenizer, options.count);
  const ids = [...new Set([chosen, ...others])];
  const kept = options.ids === undefined && options.count >= 0 ? ids.slice(0, Math.max(1, options.count)) : ids;
  return kept.map((id, rank) => ({
    id,
    token: tokenText(tokenizer, id, options.asIds),
    logprob: logprobOfRank(rank + 1),
  }));
}

/** Tokens of an answer by id, as those who send tokens get them. */
export function tokenLogprobs(tokenizer: ModelTokenizer, ids: readonly number[], count: number): object[] {
  return ids.map((id) => {
    const top = topLogprobs(tokenizer, id, { count, ids: undefined, asIds: false }).map(
      ({ id: token_id, logprob }, index) => ({ token_id, logprob, rank: index + 1 }),
    );
    return { ...top[0], top_logprobs: top };
  });
}

/** Halves with every rank, starting where a confident model would; far down the vocabulary all are as unlikely. */
export function logprobOfRank(rank: number): number {
  return -0.105360515 - Math.LN2 * Math.min(rank - 1, 20);
}

/** The whole vocabulary, the pod's own words first. */
export function rankedIds(tokenizer: ModelTokenizer): readonly number[] {
  const { words } = vocabularyOf(tokenizer);
  return [...new Set([...words, ...Array.from({ length: tokenizer.vocabSize }, (_, id) => id)])];
}

export function tokenText(tokenizer: ModelTokenizer, id: number, asIds: boolean): string {
  return asIds ? `token_id:${id}` : tokenizer.decodeOutput([id], true);
}

function alternatives(tokenizer: ModelTokenizer, count: number): readonly number[] {
  if (count < 0) return Array.from({ length: tokenizer.vocabSize }, (_, id) => id);
  const { words } = vocabularyOf(tokenizer);
  if (count <= words.length) return words;
  return [...words, ...Array.from({ length: count }, (_, id) => id)];
}
