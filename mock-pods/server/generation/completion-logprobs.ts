/** The `logprobs` object of a completion choice. */
import type { ModelTokenizer } from "../../../fixtures/tokenizer/model-tokenizer.ts";
import { topLogprobs, tokenText, type LogprobOptions } from "./logprobs.ts";

export interface CompletionLogprobs {
  readonly text_offset: number[];
  readonly token_logprobs: (number | null)[];
  readonly tokens: string[];
  readonly top_logprobs: (Record<string, number> | null)[];
}

/** Where the first token of a text that continues another one begins, and which tokens have no probability at all. */
export interface CompletionLogprobPosition {
  readonly offset: number;
  /** The first token of a prompt is not predicted by anything. */
  readonly firstUnknown: boolean;
}

export function completionLogprobs(
  tokenizer: ModelTokenizer,
  ids: readonly number[],
  options: LogprobOptions,
  { offset, firstUnknown }: CompletionLogprobPosition,
): CompletionLogprobs {
  const out: CompletionLogprobs = { text_offset: [], token_logprobs: [], tokens: [], top_logprobs: [] };
  let at = offset;
  for (const [index, id] of ids.entries()) {
    const token = tokenText(tokenizer, id, options.asIds);
    out.text_offset.push(at);
    out.tokens.push(token);
    at += token.length;
    if (index === 0 && firstUnknown) {
      out.token_logprobs.push(null);
      out.top_logprobs.push(null);
      continue;
    }
    const top = topLogprobs(tokenizer, id, options);
    out.token_logprobs.push((top[0] as { logprob: number }).logprob);
    out.top_logprobs.push(Object.fromEntries(top.map((entry) => [entry.token, entry.logprob])));
  }
  return out;
}
