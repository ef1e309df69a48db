/** A block's record: its hash, and its neighbours among the blocks of the same hash. */
const STRIDE = 4;
const HIGH = 0;
const LOW = 1;
/** The next twin that came; 0 at the newest. */
const NEWER = 2;
/** The twin before; at the oldest, the newest. */
const OLDER = 3;

/**
 * Which blocks hold which content: hash to blocks, oldest first.
 *
 * Identical blocks are not merged, so a hash may have several ("twins"); a lookup gives the oldest. An open-addressed
 * table of block ids, twins linked through the blocks' records: every operation is O(1). The fields of a block lie side by
 * side, since what a pool of 12,735 blocks costs is cache misses.
 */
export class PrefixCache {
  /** Oldest block of a hash by probe position, 0 if empty, and beside it the hash's low lane. */
  readonly #slots: Int32Array;
  readonly #mask: number;
  readonly #records: Int32Array;
  readonly #hashed: Uint8Array;

  constructor(numBlocks: number) {
    const slots = 2 ** Math.ceil(Math.log2(numBlocks * 2));
    this.#slots = new Int32Array(2 * slots);
    this.#mask = 2 * slots - 1;
    this.#records = new Int32Array(numBlocks * STRIDE);
    this.#hashed = new Uint8Array(numBlocks);
  }

  has(block: number): boolean {
    return this.#hashed[block] === 1;
  }

  high(block: number): number {
    return this.#records[block * STRIDE + HIGH] as number;
  }

  low(block: number): number {
    return this.#records[block * STRIDE + LOW] as number;
  }

  /** The oldest block with this hash, or 0. */
  find(high: number, low: number): number {
    return this.#slots[this.#probe(high, low)] as number;
  }

  insert(block: number, high: number, low: number): void {
    const records = this.#records;
    const record = block * STRIDE;
    records[record + HIGH] = high;
    records[record + LOW] = low;
    records[record + NEWER] = 0;
    this.#hashed[block] = 1;
    const slot = this.#probe(high, low);
    const oldest = this.#slots[slot] as number;
    if (oldest === 0) {
      this.#slots[slot] = block;
      this.#slots[slot + 1] = low;
      records[record + OLDER] = block;
      return;
    }
    const newest = records[oldest * STRIDE + OLDER] as number;
    records[newest * STRIDE + NEWER] = block;
    records[record + OLDER] = newest;
    records[oldest * STRIDE + OLDER] = block;
  }

  remove(block: number): void {
    const records = this.#records;
    const newer = records[block * STRIDE + NEWER] as number;
    const older = records[block * STRIDE + OLDER] as number;
    const slot = this.#probe(this.high(block), this.low(block));
    const oldest = this.#slots[slot] as number;
    this.#hashed[block] = 0;
    if (block !== oldest) {
      records[older * STRIDE + NEWER] = newer;
      records[(newer === 0 ? oldest : newer) * STRIDE + OLDER] = older;
    } else if (newer !== 0) {
      this.#slots[slot] = newer;
      records[newer * STRIDE + OLDER] = older;
    } else {
      this.#vacate(slot);
    }
  }

  clear(): void {
    this.#slots.fill(0);
    this.#hashed.fill(0);
  }

  /** The slot of this hash, or the empty slot where it would go. */
  #probe(high: number, low: number): number {
    let slot = (low << 1) & this.#mask;
    for (;;) {
      const block = this.#slots[slot] as number;
      if (block === 0) return slot;
      if (this.#slots[slot + 1] === low && this.high(block) === high) return slot;
      slot = (slot + 2) & this.#mask;
    }
  }

  /** Empties a slot and pulls later entries back over the hole, so that probing never meets a gap. */
  #vacate(vacant: number): void {
    const slots = this.#slots;
    let hole = vacant;
    for (let slot = (hole + 2) & this.#mask; slots[slot] !== 0; slot = (slot + 2) & this.#mask) {
      const home = ((slots[slot + 1] as number) << 1) & this.#mask;
      if (((slot - home) & this.#mask) < ((slot - hole) & this.#mask)) continue;
      slots[hole] = slots[slot] as number;
      slots[hole + 1] = slots[slot + 1] as number;
      hole = slot;
    }
    slots[hole] = 0;
  }
}
