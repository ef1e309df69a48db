/**
 * The free blocks, in the order they will be taken: a linked list over two typed arrays, every operation O(1).
 *
 * Block 0, vLLM's null block, is never free; here it is both ends of the list.
 */
export class FreeList {
  readonly #next: Int32Array;
  readonly #previous: Int32Array;
  #length: number;

  /** Blocks 1 to `numBlocks - 1`, in that order. */
  constructor(numBlocks: number) {
    this.#next = Int32Array.from({ length: numBlocks }, (_, block) => (block + 1) % numBlocks);
    this.#previous = Int32Array.from({ length: numBlocks }, (_, block) => (block + numBlocks - 1) % numBlocks);
    this.#length = numBlocks - 1;
  }

  get length(): number {
    return this.#length;
  }

  /** In the order in which they will be taken. */
  *[Symbol.iterator](): Generator<number> {
    for (let block = this.#next[0] as number; block !== 0; block = this.#next[block] as number) yield block;
  }

  /** Removes and returns the block to be used next. The list must not be empty. */
  takeFirst(): number {
    const block = this.#next[0] as number;
    this.remove(block);
    return block;
  }

  remove(block: number): void {
    const next = this.#next[block] as number;
    const previous = this.#previous[block] as number;
    this.#next[previous] = next;
    this.#previous[next] = previous;
    this.#length--;
  }

  append(block: number): void {
    this.insertAfter(this.#previous[0] as number, block);
  }

  /** After `position`; 0 is before all. */
  insertAfter(position: number, block: number): void {
    const next = this.#next[position] as number;
    this.#next[position] = block;
    this.#previous[block] = position;
    this.#next[block] = next;
    this.#previous[next] = block;
    this.#length++;
  }
}
