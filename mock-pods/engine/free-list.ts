/**
 * The free blocks, in the order they will be taken: a linked list in a typed array, every operation O(1).
 *
 * Block 0, vLLM's null block, is never free; here it is both ends of the list.
 */
export class FreeList {
  /** Block b's successor at 2b, its predecessor at 2b + 1. */
  readonly #links: Int32Array;
  #length: number;

  /** Blocks 1 to `numBlocks - 1`, in that order. */
  constructor(numBlocks: number) {
    this.#links = new Int32Array(2 * numBlocks);
    for (let block = 0; block < numBlocks; block++) {
      this.#links[2 * block] = (block + 1) % numBlocks;
      this.#links[2 * block + 1] = (block + numBlocks - 1) % numBlocks;
    }
    this.#length = numBlocks - 1;
  }

  get length(): number {
    return this.#length;
  }

  /** In the order in which they will be taken. */
  *[Symbol.iterator](): Generator<number> {
    for (let block = this.#links[0] as number; block !== 0; block = this.#links[2 * block] as number) yield block;
  }

  /** Removes and returns the block to be used next. The list must not be empty. */
  takeFirst(): number {
    const block = this.#links[0] as number;
    this.remove(block);
    return block;
  }

  remove(block: number): void {
    const next = this.#links[2 * block] as number;
    const previous = this.#links[2 * block + 1] as number;
    this.#links[2 * previous] = next;
    this.#links[2 * next + 1] = previous;
    this.#length--;
  }

  append(block: number): void {
    this.insertAfter(this.#links[1] as number, block);
  }

  /** After `position`; 0 is before all. */
  insertAfter(position: number, block: number): void {
    const next = this.#links[2 * position] as number;
    this.#links[2 * position] = block;
    this.#links[2 * block + 1] = position;
    this.#links[2 * block] = next;
    this.#links[2 * next + 1] = block;
    this.#length++;
  }
}
