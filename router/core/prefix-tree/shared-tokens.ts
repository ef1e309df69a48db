/** From this many tokens on, comparing memory is quicker than a loop: ten times, at 8,000. */
const LONG_EDGE_TOKENS = 1024;
const SHORTEST_RUN_TOKENS = 128;

/** How many tokens of the edge `tokens[start..end)` stand in `prompt` from `at` on. */
export function sharedTokens(tokens: Int32Array, start: number, end: number, prompt: Int32Array, at: number): number {
  const limit = Math.min(end - start, prompt.length - at);
  let shared = 0;
  if (limit >= LONG_EDGE_TOKENS) {
    const [edgeBytes, promptBytes] = [bytesOf(tokens), bytesOf(prompt)];
    // The whole first, then runs half as long each: a run that is equal is passed over.
    for (let run = limit; run >= SHORTEST_RUN_TOKENS; run >>= 1) {
      const next = shared + run;
      if (next > limit) continue;
      const [from, to] = [(at + shared) * 4, (at + next) * 4];
      if (promptBytes.compare(edgeBytes, (start + shared) * 4, (start + next) * 4, from, to) === 0) shared = next;
    }
  }
  while (shared < limit && tokens[start + shared] === prompt[at + shared]) shared++;
  return shared;
}

function bytesOf(tokens: Int32Array): Buffer {
  return Buffer.from(tokens.buffer, tokens.byteOffset, tokens.byteLength);
}
