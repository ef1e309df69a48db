import { tokensIn, type TokenRun, type Trace } from "../../fixtures/traces/trace.ts";

/**
 * The share of prompt tokens that one endless cache would hit if every request went through it and was stored the moment
 * it came: no fleet can do better. Counted as vLLM counts: whole blocks, never the whole prompt, and without a reply's last
 * token, which is never computed.
 */
export function idealHitRatio(trace: Trace, blockSizeTokens: number): number {
  const stored: Held = { tokens: 0, next: new Map() };
  let promptTokens = 0;
  let hitTokens = 0;
  for (const { prompt, reply } of trace.entries) {
    const [firstReplyId, replyTokens] = reply;
    const length = tokensIn(prompt);
    const heldTokens = store(stored, [...prompt, [firstReplyId, replyTokens - 1]]);
    promptTokens += length;
    hitTokens += Math.floor(Math.min(heldTokens, length - 1) / blockSizeTokens) * blockSizeTokens;
  }
  return promptTokens === 0 ? 0 : hitTokens / promptTokens;
}

/** A run of consecutive ids in a tree of all that was stored, and what came after it, by its first id. */
interface Held {
  tokens: number;
  next: Map<number, Held>;
}

/** Stores a prompt and tells how many of its leading tokens were there: in proportion to its runs, not its tokens. */
function store(root: Held, runs: readonly TokenRun[]): number {
  let heldTokens = 0;
  let isKnown = true;
  let last = root;
  for (const [first, length] of runs) {
    for (let done = 0; done < length;) {
      const id = first + done;
      let run = last.next.get(id);
      if (run === undefined) {
        isKnown = false;
        last.next.set(id, (run = { tokens: length - done, next: new Map() }));
      }
      if (run.tokens > length - done) split(run, id, length - done);
      if (isKnown) heldTokens += run.tokens;
      done += run.tokens;
      last = run;
    }
  }
  return heldTokens;
}

/** Cuts a run that starts with `id` after so many tokens. */
function split(run: Held, id: number, tokens: number): void {
  run.next = new Map([[id + tokens, { tokens: run.tokens - tokens, next: run.next }]]);
  run.tokens = tokens;
}
