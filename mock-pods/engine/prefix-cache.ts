/**
 * Which blocks hold which content: hash to blocks, oldest first.
 *
 * Identical blocks are not merged, so a hash may have several ("twins"); a lookup gives the oldest. An open-addressed
 * table of block ids over typed arrays, twins linked through per-block arrays: every operation is O(1).
 */
export class PrefixCache {
  /** Oldest block of a hash by probe position; 0 is empty. */
  readonly #slots: Int32Array;
  readonly #mask: number;
  readonly #high: Int32Array;
  readonly #low: Int32Array;
  readonly #hashed: Uint8Array;
  readonly #newer: Int32Array;
  readonly #older: Int32Array;
  /** The newest twin; kept at the oldest only. */
  readonly #newest: Int32Array;

  constructor(numBlocks: number) {
    const slots = 2 ** Math.ceil(Math.log2(numBlocks * 2));
    this.#slots = new Int32Array(slots);
    this.#mask = slots - 1;
    this.#high = new Int32Array(numBlocks);
    this.#low = new Int32Array(numBlocks);
    this.#hashed = new Uint8Array(numBlocks);
    this.#newer = new Int32Array(numBlocks);
    this.#older = new Int32Array(numBlocks);
    this.#newest = new Int32Array(numBlocks);
  }

  has(block: number): boolean {
    return this.#hashed[block] === 1;
  }

  high(block: number): number {
    return this.#high[block] as number;
  }

  low(block: number): number {
    return this.#low[block] as number;
  }

  /** The oldest block with this hash, or 0. */
  find(high: number, low: number): number {
    return this.#slots[this.#probe(high, low)] as number;
  }

  insert(block: number, high: number, low: number): void {
    this.#high[block] = high;
    this.#low[block] = low;
    this.#hashed[block] = 1;
    this.#newer[block] = 0;
    const slot = this.#probe(high, low);
    const oldest = this.#slots[slot] as number;
    if (oldest === 0) {
      this.#slots[slot] = block;
      this.#older[block] = 0;
      this.#newest[block] = block;
      return;
    }
    const newest = this.#newest[oldest] as number;
    this.#newer[newest] = block;
    this.#older[block] = newest;
    this.#newest[oldest] = block;
  }

  remove(block: number): void {
    this.#hashed[block] = 0;
    const older = this.#older[block] as number;
    const newer = this.#newer[block] as number;
    const slot = this.#probe(this.high(block), this.low(block));
    if (older !== 0) {
      this.#newer[older] = newer;
      if (newer === 0) this.#newest[this.#slots[slot] as number] = older;
      else this.#older[newer] = older;
    } else if (newer !== 0) {
      this.#older[newer] = 0;
      this.#newest[newer] = this.#newest[block] as number;
      this.#slots[slot] = newer;
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
    let slot = low & this.#mask;
    for (;;) {
      const block = this.#slots[slot] as number;
      if (block === 0 || (this.#low[block] === low && this.#high[block] === high)) return slot;
      slot = (slot + 1) & this.#mask;
    }
  }

  /** Empties a slot and pulls later entries back over the hole, so that probing never meets a gap. */
  #vacate(vacant: number): void {
    let hole = vacant;
    for (let slot = (hole + 1) & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const block = this.#slots[slot] as number;
      if (block === 0) break;
      const home = this.low(block) & this.#mask;
      if (((slot - home) & this.#mask) < ((slot - hole) & this.#mask)) continue;
      this.#slots[hole] = block;
      hole = slot;
    }
    this.#slots[hole] = 0;
  }
}
