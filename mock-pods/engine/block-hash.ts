import type { GenerationRequest } from "./engine.ts";

/**
 * Chained block hashes: a block's hash covers its own tokens and, through its parent's hash, everything before it.
 *
 * 64 bits in two 32-bit lanes (rotate, xor, multiply; MurmurHash3's finish), since BigInt arithmetic is forty times slower. A chain is an
 * array of lanes: block j's hash is `[2j]` (high) and `[2j + 1]` (low). vLLM's own hashes are SHA-256 of a pickle; to the
 * outside both are opaque.
 */
export type HashChain = number[];

/** What enters the hash besides tokens; vLLM's extra keys. */
export type HashSalt = Pick<GenerationRequest, "cacheSalt" | "lora">;

/** Appends the hashes of `blocks` blocks of `blockSize` tokens each, the first of which starts at `start` in `tokenIds`. */
export function appendBlockHashes(
  chain: HashChain,
  tokenIds: ArrayLike<number>,
  start: number,
  blocks: number,
  blockSize: number,
  salt: HashSalt,
): void {
  const length = chain.length;
  const first = length === 0;
  let high = first ? saltLane(salt, 0x9747b28c) : (chain[length - 2] as number);
  let low = first ? saltLane(salt, 0x3c6ef372) : (chain[length - 1] as number);
  let index = start;
  for (let block = 0; block < blocks; block++) {
    for (const end = index + blockSize; index < end; index++) {
      const token = tokenIds[index] as number;
      high = Math.imul(((high << 5) | (high >>> 27)) ^ token, 0x9e3779b1);
      low = Math.imul(((low << 15) | (low >>> 17)) ^ token, 0xcc9e2d51);
    }
    high = avalanche(high ^ blockSize);
    low = avalanche(low + high);
    chain.push(high, low);
  }
}

/** The hash as vLLM's KV events show it: an unsigned 64-bit integer. */
export function toUint64(high: number, low: number): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}

/** Of an adapter its name and path count, so that one reloaded from the same place finds its blocks again. */
function saltLane({ cacheSalt = "", lora }: HashSalt, basis: number): number {
  if (cacheSalt === "" && lora === undefined) return basis;
  const key = JSON.stringify([cacheSalt, lora?.name, lora?.path]);
  let lane = basis;
  for (let index = 0; index < key.length; index++) lane = avalanche(Math.imul(lane, 31) + key.charCodeAt(index));
  return lane;
}

function avalanche(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
