/** `prompt_logprobs`: for each token of a prompt the likeliest ones and itself; the first is not predicted by anything. */
import type { ModelTokenizer } from "../../../fixtures/tokenizer/model-tokenizer.ts";
import { logprobOfRank, rankedIds, tokenText } from "./logprobs.ts";

/** `count` is how many alternatives were asked for, -1 for the whole vocabulary; null gives null. */
export function promptLogprobs(
  tokenizer: ModelTokenizer,
  ids: readonly number[],
  count: number | null,
): (Record<string, object> | null)[] | null {
  if (count === null) return null;
  const ranked = rankedIds(tokenizer);
  const likeliest = count < 0 ? ranked : ranked.slice(0, count);
  const entry = (id: number) => {
    const rank = ranked.indexOf(id) + 1;
    return { logprob: logprobOfRank(rank), rank, decoded_token: tokenText(tokenizer, id, false) };
  };
  return ids.map((id, at) =>
    at === 0 ? null : Object.fromEntries([...new Set([id, ...likeliest])].map((one) => [String(one), entry(one)])),
  );
}
