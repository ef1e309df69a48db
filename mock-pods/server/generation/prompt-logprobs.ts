/** `prompt_logprobs`: for each token of a prompt the likeliest ones by id; the first is not predicted by anything. */
import type { ModelTokenizer } from "../../../fixtures/tokenizer/model-tokenizer.ts";
import { tokenText, topLogprobs } from "./logprobs.ts";

/** `count` is how many alternatives were asked for; null gives null. */
export function promptLogprobs(
  tokenizer: ModelTokenizer,
  ids: readonly number[],
  count: number | null,
): (Record<string, object> | null)[] | null {
  if (count === null) return null;
  const options = { count, ids: undefined, asIds: false };
  return ids.map((id, at) => {
    if (at === 0) return null;
    const entries = topLogprobs(tokenizer, id, options).map(
      ({ id: other, logprob }, index) =>
        [String(other), { logprob, rank: index + 1, decoded_token: tokenText(tokenizer, other, false) }] as const,
    );
    return Object.fromEntries(entries);
  });
}
