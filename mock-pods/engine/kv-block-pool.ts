import { toUint64 } from "./block-hash.ts";
import { type BlockRecords, blockRecords, RECORD_FIELDS, REFERENCES } from "./block-records.ts";
import type { BlockView, KvEvent } from "./engine.ts";
import { FreeList } from "./free-list.ts";
import { PrefixCache } from "./prefix-cache.ts";

/**
 * The card's KV blocks: who refers to them, which are free, which content they hold.
 *
 * vLLM 0.32's BlockPool: free blocks keep their content until they are taken again; blocks without a hash are reused
 * first, the others in the order they were released.
 */
export class KvBlockPool {
  readonly cache: PrefixCache;
  readonly #numBlocks: number;
  readonly #records: BlockRecords;
  readonly #free: FreeList;
  readonly #emit: ((event: KvEvent) => void) | undefined;
  /** Blocks out of use, and how many should be. */
  readonly #withheld: number[] = [];
  #withholdBlocks = 0;

  constructor(numBlocks: number, emit?: (event: KvEvent) => void) {
    this.#numBlocks = numBlocks;
    this.#records = blockRecords(numBlocks);
    this.cache = new PrefixCache(this.#records);
    this.#free = new FreeList(this.#records);
    this.#emit = emit;
  }

  /** All but the null block and those out of use. */
  get usableBlocks(): number {
    return this.#numBlocks - 1 - this.#withheld.length;
  }

  get freeBlocks(): number {
    return this.#free.length;
  }

  isFree(block: number): boolean {
    return this.#records[block * RECORD_FIELDS + REFERENCES] === 0;
  }

  /** Every block that is referred to or cached, by number. */
  views(): BlockView[] {
    const reuseRanks = new Map([...this.#free].map((block, rank) => [block, rank]));
    const views: BlockView[] = [];
    const withheld = new Set(this.#withheld);
    for (let block = 1; block < this.#numBlocks; block++) {
      if (withheld.has(block)) continue;
      const hash = this.cache.has(block) ? toUint64(this.cache.high(block), this.cache.low(block)) : undefined;
      const reuseRank = reuseRanks.get(block);
      if (hash === undefined && reuseRank !== undefined) continue;
      views.push({
        block,
        references: this.#records[block * RECORD_FIELDS + REFERENCES] as number,
        ...(hash !== undefined && { hash: hash.toString(16).padStart(16, "0") }),
        ...(reuseRank !== undefined && { reuseRank }),
      });
    }
    return views;
  }

  /** The next free block, for new content; what it held is forgotten. */
  take(): number {
    const block = this.#free.takeFirst();
    if (this.cache.has(block)) {
      this.#emit?.({ kind: "removed", hashes: [toUint64(this.cache.high(block), this.cache.low(block))] });
      this.cache.remove(block);
    }
    this.#records[block * RECORD_FIELDS + REFERENCES] = 1;
    return block;
  }

  /** Takes `blocks` blocks out of use, free ones now and the rest as they are released; fewer than before come back. */
  withhold(blocks: number): void {
    this.#withholdBlocks = blocks;
    this.#withholdFree();
    if (this.#withheld.length > blocks) this.release(this.#withheld.splice(blocks));
  }

  #withholdFree(): void {
    while (this.#withheld.length < this.#withholdBlocks && this.freeBlocks > 0) this.#withheld.push(this.take());
  }

  /** One more reference to a block found in the cache. */
  touch(block: number): void {
    if (this.isFree(block)) this.#free.remove(block);
    (this.#records[block * RECORD_FIELDS + REFERENCES] as number)++;
  }

  /**
   * Lets go of a request's blocks, tail first, so that a prefix outlives its tails. Of those now free, the unhashed go to
   * the front as one group (vLLM #42656), the hashed to the back.
   */
  release(blocks: readonly number[]): void {
    let front = 0;
    for (let index = blocks.length - 1; index >= 0; index--) {
      const block = blocks[index] as number;
      if (--(this.#records[block * RECORD_FIELDS + REFERENCES] as number) > 0) continue;
      if (this.cache.has(block)) {
        this.#free.append(block);
      } else {
        this.#free.insertAfter(front, block);
        front = block;
      }
    }
    this.#withholdFree();
  }

  /** Forgets all content, if no block is in use. The order of the free list stays. */
  reset(): boolean {
    if (this.freeBlocks !== this.usableBlocks) return false;
    this.cache.clear();
    this.#emit?.({ kind: "cleared" });
    return true;
  }
}
