/** vLLM-style chained block hashes: each stands for its block of tokens and all that come before it. */

/**
 * One hash per full block of `blockTokens`; a partial last block has none. 53 bits, so a plain number: two 32-bit mixes
 * run side by side, seeded by the namespace.
 */
export function blockHashes(namespace: string, tokens: Int32Array, blockTokens: number): number[] {
  let high = mixText(namespace, 0x811c9dc5);
  let low = mixText(namespace, 0x9e3779b9);
  const hashes: number[] = [];
  for (let end = blockTokens; end <= tokens.length; end += blockTokens) {
    for (let at = end - blockTokens; at < end; at++) {
      const token = tokens[at] as number;
      high = mix(high ^ token);
      low = mix(low + token);
    }
    hashes.push((high >>> 11) * 2 ** 32 + (low >>> 0));
  }
  return hashes;
}

function mixText(text: string, seed: number): number {
  let hash = seed;
  for (let index = 0; index < text.length; index++) hash = mix(hash ^ text.charCodeAt(index));
  return hash;
}

/** The finaliser of MurmurHash3: every input bit reaches every output bit. */
function mix(value: number): number {
  let hash = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
