import { type BlockRecords, NEXT_FREE, PREVIOUS_FREE, RECORD_FIELDS } from "./block-records.ts";

/**
 * The free blocks, in the order they will be taken: a list linked through their records, every operation O(1).
 *
 * Block 0, vLLM's null block, is never free; here it is both ends of the list.
 */
export class FreeList {
  readonly #records: BlockRecords;
  #length: number;

  /** All blocks but the null block, in order. */
  constructor(records: BlockRecords) {
    this.#records = records;
    const numBlocks = records.length / RECORD_FIELDS;
    for (let block = 0; block < numBlocks; block++) {
      records[block * RECORD_FIELDS + NEXT_FREE] = (block + 1) % numBlocks;
      records[block * RECORD_FIELDS + PREVIOUS_FREE] = (block + numBlocks - 1) % numBlocks;
    }
    this.#length = numBlocks - 1;
  }

  get length(): number {
    return this.#length;
  }

  /** In the order in which they will be taken. */
  *[Symbol.iterator](): Generator<number> {
    for (let block = this.#next(0); block !== 0; block = this.#next(block)) yield block;
  }

  /** Removes and returns the block to be used next. The list must not be empty. */
  takeFirst(): number {
    const block = this.#next(0);
    this.remove(block);
    return block;
  }

  remove(block: number): void {
    const records = this.#records;
    const next = this.#next(block);
    const previous = records[block * RECORD_FIELDS + PREVIOUS_FREE] as number;
    records[previous * RECORD_FIELDS + NEXT_FREE] = next;
    records[next * RECORD_FIELDS + PREVIOUS_FREE] = previous;
    this.#length--;
  }

  append(block: number): void {
    this.insertAfter(this.#records[PREVIOUS_FREE] as number, block);
  }

  /** After `position`; 0 is before all. */
  insertAfter(position: number, block: number): void {
    const records = this.#records;
    const next = this.#next(position);
    records[position * RECORD_FIELDS + NEXT_FREE] = block;
    records[block * RECORD_FIELDS + PREVIOUS_FREE] = position;
    records[block * RECORD_FIELDS + NEXT_FREE] = next;
    records[next * RECORD_FIELDS + PREVIOUS_FREE] = block;
    this.#length++;
  }

  #next(block: number): number {
    return this.#records[block * RECORD_FIELDS + NEXT_FREE] as number;
  }
}
