/** The `logprobs` object of a chat choice. */
import type { ModelTokenizer } from "../../../fixtures/tokenizer/model-tokenizer.ts";
import { topLogprobs, type LogprobOptions, type TokenLogprob } from "./logprobs.ts";

const utf8 = new TextEncoder();

export function chatLogprobs(tokenizer: ModelTokenizer, ids: readonly number[], options: LogprobOptions): object {
  return {
    content: ids.map((id) => {
      const [chosen, ...others] = topLogprobs(tokenizer, id, options) as [TokenLogprob, ...TokenLogprob[]];
      const listed = options.count === 0 && options.ids === undefined ? [] : [chosen, ...others];
      return { ...entry(chosen), top_logprobs: listed.map(entry) };
    }),
  };
}

function entry({ token, logprob }: TokenLogprob) {
  return { token, logprob, bytes: [...utf8.encode(token)] };
}
