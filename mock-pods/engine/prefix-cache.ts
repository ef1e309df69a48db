import { type BlockRecords, HIGH, LOW, NEWER_TWIN, NEXT_IN_CHAIN, OLDER_TWIN, RECORD_FIELDS } from "./block-records.ts";

/**
 * Which blocks hold which content: hash to blocks, oldest first.
 *
 * Identical blocks are not merged, so a hash may have several ("twins"); a lookup gives the oldest. A table of chains,
 * linked through the records of the blocks; in a chain stands the oldest of a hash, and its twins are a list of their own:
 * each knows the next that came (`NEWER_TWIN`, 0 at the newest) and the one before (`OLDER_TWIN`; at the oldest, the
 * newest; 0 where the block holds nothing). Every operation is O(1), however many twins there are.
 */
export class PrefixCache {
  readonly #records: BlockRecords;
  /** First block of each chain, 0 if it is empty. */
  readonly #chains: Uint16Array | Int32Array;
  readonly #mask: number;

  constructor(records: BlockRecords) {
    this.#records = records;
    const numBlocks = records.length / RECORD_FIELDS;
    const chains = 2 ** Math.ceil(Math.log2(numBlocks * 2));
    // An insertion costs a cache miss here: half as many where a block's number is half as long.
    this.#chains = numBlocks <= 2 ** 16 ? new Uint16Array(chains) : new Int32Array(chains);
    this.#mask = this.#chains.length - 1;
  }

  has(block: number): boolean {
    return this.#records[block * RECORD_FIELDS + OLDER_TWIN] !== 0;
  }

  high(block: number): number {
    return this.#records[block * RECORD_FIELDS + HIGH] as number;
  }

  low(block: number): number {
    return this.#records[block * RECORD_FIELDS + LOW] as number;
  }

  /** The oldest block with this hash, or 0. */
  find(high: number, low: number): number {
    const records = this.#records;
    let block = this.#chains[low & this.#mask] as number;
    while (block !== 0) {
      const record = block * RECORD_FIELDS;
      if (records[record + LOW] === low && records[record + HIGH] === high) break;
      block = records[record + NEXT_IN_CHAIN] as number;
    }
    return block;
  }

  insert(block: number, high: number, low: number): void {
    const records = this.#records;
    const record = block * RECORD_FIELDS;
    const oldest = this.find(high, low);
    records[record + HIGH] = high;
    records[record + LOW] = low;
    records[record + NEWER_TWIN] = 0;
    if (oldest === 0) {
      records[record + OLDER_TWIN] = block;
      this.#enchain(block, record);
      return;
    }
    const newest = records[oldest * RECORD_FIELDS + OLDER_TWIN] as number;
    records[newest * RECORD_FIELDS + NEWER_TWIN] = block;
    records[record + OLDER_TWIN] = newest;
    records[oldest * RECORD_FIELDS + OLDER_TWIN] = block;
  }

  remove(block: number): void {
    const records = this.#records;
    const record = block * RECORD_FIELDS;
    const newer = records[record + NEWER_TWIN] as number;
    const older = records[record + OLDER_TWIN] as number;
    records[record + OLDER_TWIN] = 0;
    if (older === block) return this.#unchain(block, record);
    const isOldest = records[older * RECORD_FIELDS + NEWER_TWIN] === 0;
    if (isOldest) {
      this.#unchain(block, record);
      this.#enchain(newer, newer * RECORD_FIELDS);
    } else {
      records[older * RECORD_FIELDS + NEWER_TWIN] = newer;
    }
    const after = newer === 0 ? this.find(this.high(block), this.low(block)) : newer;
    records[after * RECORD_FIELDS + OLDER_TWIN] = older;
  }

  clear(): void {
    this.#chains.fill(0);
    for (let field = OLDER_TWIN; field < this.#records.length; field += RECORD_FIELDS) this.#records[field] = 0;
  }

  #enchain(block: number, record: number): void {
    const chain = (this.#records[record + LOW] as number) & this.#mask;
    this.#records[record + NEXT_IN_CHAIN] = this.#chains[chain] as number;
    this.#chains[chain] = block;
  }

  #unchain(block: number, record: number): void {
    const records = this.#records;
    const next = records[record + NEXT_IN_CHAIN] as number;
    const chain = (records[record + LOW] as number) & this.#mask;
    let before = this.#chains[chain] as number;
    if (before === block) {
      this.#chains[chain] = next;
      return;
    }
    for (;;) {
      const link = before * RECORD_FIELDS + NEXT_IN_CHAIN;
      before = records[link] as number;
      if (before !== block) continue;
      records[link] = next;
      return;
    }
  }
}
