import { OperationalError } from "../../fixtures/operational-error.ts";
import { appendBlockHashes, type HashChain, type HashSalt, toUint64 } from "./block-hash.ts";
import type { KvEvent } from "./engine.ts";
import { KvBlockPool } from "./kv-block-pool.ts";
import type { Sequence } from "./sequence.ts";

export interface KvCacheConfig {
  /** Tokens per block. */
  readonly blockSize: number;
  /** Including the null block, as vLLM counts. */
  readonly numGpuBlocks: number;
  readonly maxModelLen: number;
  readonly prefixCaching: boolean;
}

/** Why a card this small cannot start: vLLM, too, wants one request of full length to fit. Undefined when it can. */
export function misfitOf({ blockSize, numGpuBlocks, maxModelLen }: KvCacheConfig): string | undefined {
  const usableTokens = (numGpuBlocks - 1) * blockSize;
  if (usableTokens >= maxModelLen) return undefined;
  return `${numGpuBlocks} blocks hold ${usableTokens} tokens, fewer than one request of maxModelLen ${maxModelLen}`;
}

/** Gives sequences their blocks: prefix lookup, allocation, caching of full blocks, release. */
export class KvCacheManager {
  readonly pool: KvBlockPool;
  readonly config: KvCacheConfig;
  readonly #emit: ((event: KvEvent) => void) | undefined;
  /** Block ids of the last lookup. */
  readonly #hits: number[] = [];

  constructor(config: KvCacheConfig, emit?: (event: KvEvent) => void) {
    const misfit = misfitOf(config);
    if (misfit !== undefined) throw new OperationalError("USAGE", misfit);
    this.pool = new KvBlockPool(config.numGpuBlocks, emit);
    this.config = config;
    this.#emit = emit;
  }

  looksUp(sequence: Sequence): boolean {
    return this.config.prefixCaching && sequence.request.skipPrefixLookup !== true;
  }

  /**
   * Blocks of the longest cached chain from the start; at least one token is always left to compute. Remembered for the
   * `admit` that follows.
   */
  lookup(sequence: Sequence): number {
    const hits = this.#hits;
    hits.length = 0;
    if (!this.looksUp(sequence)) return 0;
    const { blockSize } = this.config;
    const limit = Math.floor((sequence.knownTokens - 1) / blockSize);
    const chain = sequence.hashChain(limit, blockSize);
    for (let block = 0; block < limit; block++) {
      const found = this.pool.cache.find(chain[2 * block] as number, chain[2 * block + 1] as number);
      if (found === 0) break;
      hits.push(found);
    }
    return hits.length;
  }

  /**
   * Blocks for the hits of the last lookup and `newTokens` after them, if they are there with `headroomBlocks` to spare.
   * With `wholePrompt` everything known must fit, though only `newTokens` get blocks.
   */
  admit(sequence: Sequence, newTokens: number, wholePrompt: boolean, headroomBlocks: number): boolean {
    const hits = this.#hits;
    const totalTokens = hits.length * this.config.blockSize + newTokens;
    if (!this.fits(wholePrompt ? sequence.knownTokens : totalTokens, headroomBlocks)) return false;
    for (const block of hits) {
      this.pool.touch(block);
      sequence.blocks.push(block);
    }
    sequence.cachedBlocks = hits.length;
    this.#fill(sequence, totalTokens);
    return true;
  }

  /**
   * Whether there are blocks for `tokens` that begin with the hits of the last lookup, and `headroomBlocks` more. A hit
   * that nobody refers to is itself a free block.
   */
  fits(tokens: number, headroomBlocks: number): boolean {
    const hits = this.#hits;
    let idleHits = 0;
    for (const block of hits) if (this.pool.isFree(block)) idleHits++;
    const newBlocks = Math.max(0, Math.ceil(tokens / this.config.blockSize) - hits.length);
    return newBlocks + idleHits + headroomBlocks <= this.pool.freeBlocks;
  }

  /** Blocks for `newTokens` more of a running sequence; false, and nothing done, when there are too few. */
  extend(sequence: Sequence, newTokens: number): boolean {
    const totalTokens = sequence.computedTokens + newTokens;
    if (totalTokens <= sequence.roomTokens) return true;
    const needed = Math.ceil(totalTokens / this.config.blockSize) - sequence.blocks.length;
    if (needed > this.pool.freeBlocks) return false;
    this.#fill(sequence, totalTokens);
    return true;
  }

  release(sequence: Sequence): void {
    this.pool.release(sequence.blocks);
    sequence.blocks.length = 0;
    sequence.cachedBlocks = 0;
    sequence.roomTokens = 0;
  }

  /** Leading tokens of a prompt held now, in whole blocks; touches nothing. */
  heldTokens(promptTokenIds: ArrayLike<number>, salt: HashSalt): number {
    const { blockSize } = this.config;
    const chain: HashChain = [];
    let tokens = 0;
    while (tokens + blockSize <= promptTokenIds.length) {
      appendBlockHashes(chain, promptTokenIds, tokens, 1, blockSize, salt);
      if (this.pool.cache.find(chain.at(-2) as number, chain.at(-1) as number) === 0) break;
      tokens += blockSize;
    }
    return tokens;
  }

  /** Takes the blocks still missing for `totalTokens` and caches every block that is full by then; all of them are known. */
  #fill(sequence: Sequence, totalTokens: number): void {
    const { blockSize, prefixCaching } = this.config;
    const { blocks } = sequence;
    const wanted = Math.ceil(totalTokens / blockSize);
    while (blocks.length < wanted) blocks.push(this.pool.take());
    if (prefixCaching) this.#cacheFullBlocks(sequence, totalTokens);
    const uncached = prefixCaching ? (sequence.cachedBlocks + 1) * blockSize - 1 : Infinity;
    sequence.roomTokens = Math.min(blocks.length * blockSize, uncached);
  }

  #cacheFullBlocks(sequence: Sequence, tokens: number): void {
    const { blockSize } = this.config;
    const from = sequence.cachedBlocks;
    const full = Math.floor(tokens / blockSize);
    if (full <= from) return;
    const chain = sequence.hashChain(full, blockSize);
    for (let block = from; block < full; block++) {
      const high = chain[2 * block] as number;
      this.pool.cache.insert(sequence.blocks[block] as number, high, chain[2 * block + 1] as number);
    }
    sequence.cachedBlocks = full;
    this.#emit?.(storedEvent(sequence, chain, from, full, blockSize));
  }
}

function storedEvent(sequence: Sequence, chain: HashChain, from: number, to: number, blockSize: number): KvEvent {
  const hash = (block: number): bigint => toUint64(chain[2 * block] as number, chain[2 * block + 1] as number);
  const { cacheSalt, lora } = sequence.request;
  return {
    kind: "stored",
    hashes: Array.from({ length: to - from }, (_, index) => hash(from + index)),
    parent: from === 0 ? null : hash(from - 1),
    tokenIds: sequence.tokenIds(from * blockSize, to * blockSize),
    ...(cacheSalt === undefined || cacheSalt === "" ? {} : { cacheSalt }),
    ...(lora === undefined ? {} : { lora }),
  };
}
