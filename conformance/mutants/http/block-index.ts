/** The blocks that one pod reports, as chains from the first block of a prompt. */

/** An event of a batch as MessagePack gives it back; hashes are numbers where they fit. */
export type BlockEvent = StoredEvent | RemovedEvent | { readonly type: "AllBlocksCleared" };

export interface StoredEvent {
  readonly type: "BlockStored";
  readonly block_hashes: readonly (number | bigint)[];
  readonly parent_block_hash: number | bigint | null;
  readonly token_ids: readonly number[];
  readonly block_size: number;
}

export interface RemovedEvent {
  readonly type: "BlockRemoved";
  readonly block_hashes: readonly (number | bigint)[];
}

const ROOT = "root";

export class BlockIndex {
  /** Hash of the block with these tokens after that parent. */
  readonly #blocks = new Map<string, string>();
  readonly #keys = new Map<string, string>();
  #blockSize = 0;

  take(event: BlockEvent): void {
    if (event.type === "BlockStored") this.store(event);
    else if (event.type === "BlockRemoved") this.remove(event);
    else this.clear();
  }

  /** Leading tokens in whole blocks. */
  heldTokens(tokens: readonly number[]): number {
    if (this.#blockSize === 0) return 0;
    let parent = ROOT;
    for (let at = 0; ; at += this.#blockSize) {
      const whole = tokens.slice(at, at + this.#blockSize);
      const block = whole.length < this.#blockSize ? undefined : this.#blocks.get(keyOf(parent, whole));
      if (block === undefined) return at;
      parent = block;
    }
  }

  protected store({ block_hashes, parent_block_hash, token_ids, block_size }: StoredEvent): void {
    this.#blockSize = block_size;
    let parent = parent_block_hash === null ? ROOT : String(parent_block_hash);
    for (const [index, each] of block_hashes.entries()) {
      const hash = String(each);
      const key = keyOf(parent, token_ids.slice(index * block_size, (index + 1) * block_size));
      this.#blocks.set(key, hash);
      this.#keys.set(hash, key);
      parent = hash;
    }
  }

  protected remove({ block_hashes }: RemovedEvent): void {
    for (const hash of block_hashes.map(String)) {
      this.#blocks.delete(this.#keys.get(hash) ?? "");
      this.#keys.delete(hash);
    }
  }

  protected clear(): void {
    this.#blocks.clear();
    this.#keys.clear();
  }
}

const keyOf = (parent: string, tokens: readonly number[]): string => `${parent}:${tokens.join()}`;
