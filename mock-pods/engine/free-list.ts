import { type BlockRecords, NEXT_FREE, PREVIOUS_FREE, RECORD_FIELDS } from "./block-records.ts";

/**
 * The free blocks, in the order they will be taken: a list linked through their records, every operation O(1).
 *
 * Block 0, vLLM's null block, is never free; here it is both ends of the list. Links are kept by how far they lead past the
 * neighbour by number: zeros are blocks in order, and memory that was never written is not resident.
 */
export class FreeList {
  readonly #records: BlockRecords;
  #length: number;

  /** All blocks but the null block, in order; the records are new. */
  constructor(records: BlockRecords) {
    this.#records = records;
    const numBlocks = records.length / RECORD_FIELDS;
    this.#link(numBlocks - 1, 0);
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
    this.#link(this.#previous(block), this.#next(block));
    this.#length--;
  }

  append(block: number): void {
    this.insertAfter(this.#previous(0), block);
  }

  /** After `position`; 0 is before all. */
  insertAfter(position: number, block: number): void {
    const next = this.#next(position);
    this.#link(position, block);
    this.#link(block, next);
    this.#length++;
  }

  #next(block: number): number {
    return block + 1 + (this.#records[block * RECORD_FIELDS + NEXT_FREE] as number);
  }

  #previous(block: number): number {
    return block - 1 + (this.#records[block * RECORD_FIELDS + PREVIOUS_FREE] as number);
  }

  #link(block: number, next: number): void {
    this.#records[block * RECORD_FIELDS + NEXT_FREE] = next - (block + 1);
    this.#records[next * RECORD_FIELDS + PREVIOUS_FREE] = block - (next - 1);
  }
}
