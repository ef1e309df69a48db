import { tokenIds, tokensIn, type Trace } from "../../fixtures/traces/trace.ts";
import { appendBlockHash, type HashChain } from "../../mock-pods/engine/block-hash.ts";

/**
 * The share of prompt tokens that one endless cache would hit if every request went through it and was stored the moment
 * it came: no fleet can do better. Counted as vLLM counts: whole blocks, never the whole prompt, and without a reply's last
 * token, which is never computed.
 */
export function idealHitRatio(trace: Trace, blockSizeTokens: number): number {
  const stored = new Set<number>();
  let promptTokens = 0;
  let hitTokens = 0;
  for (const { prompt, reply } of trace.entries) {
    const [firstReplyId, replyTokens] = reply;
    const blocks = blockKeys(tokenIds([...prompt, [firstReplyId, replyTokens - 1]]), blockSizeTokens);
    const length = tokensIn(prompt);
    const mostBlocks = Math.floor((length - 1) / blockSizeTokens);
    const firstMiss = blocks.findIndex((key) => !stored.has(key));
    promptTokens += length;
    hitTokens += Math.min(mostBlocks, firstMiss < 0 ? blocks.length : firstMiss) * blockSizeTokens;
    for (const key of blocks) stored.add(key);
  }
  return promptTokens === 0 ? 0 : hitTokens / promptTokens;
}

/** A number for every whole block and what comes before it: 53 bits of its chained hash. */
function blockKeys(ids: Int32Array, blockSizeTokens: number): number[] {
  const keys: number[] = [];
  const chain: HashChain = [];
  for (let start = 0; start + blockSizeTokens <= ids.length; start += blockSizeTokens) {
    appendBlockHash(chain, ids, start, blockSizeTokens, {});
    keys.push(((chain.at(-2) ?? 0) & 0x1fffff) * 2 ** 32 + ((chain.at(-1) ?? 0) >>> 0));
  }
  return keys;
}
