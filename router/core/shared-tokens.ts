/** How many tokens of the edge `tokens[start..end)` stand in `prompt` from `at` on. */
export function sharedTokens(tokens: Int32Array, start: number, end: number, prompt: Int32Array, at: number): number {
  const limit = Math.min(end - start, prompt.length - at);
  let shared = 0;
  while (shared < limit && tokens[start + shared] === prompt[at + shared]) shared++;
  return shared;
}
