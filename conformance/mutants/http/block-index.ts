/** The blocks that one pod reports, as chains from the first block of a prompt. */
import type { HttpFault } from "./http-fault.ts";

/** An event of a batch as MessagePack gives it back; hashes are numbers where they fit. */
export type BlockEvent =
  | {
      readonly type: "BlockStored";
      readonly block_hashes: readonly (number | bigint)[];
      readonly parent_block_hash: number | bigint | null;
      readonly token_ids: readonly number[];
      readonly block_size: number;
    }
  | { readonly type: "BlockRemoved"; readonly block_hashes: readonly (number | bigint)[] }
  | { readonly type: "AllBlocksCleared" };

const ROOT = "root";

export class BlockIndex {
  readonly #fault: HttpFault | undefined;
  /** Hash of the block with these tokens after that parent, and how often it was reported. */
  readonly #blocks = new Map<string, { readonly hash: string; times: number }>();
  readonly #keys = new Map<string, string>();
  #blockSize = 0;

  constructor(fault: HttpFault | undefined) {
    this.#fault = fault;
  }

  take(event: BlockEvent): void {
    switch (event.type) {
      case "BlockStored":
        if (this.#fault !== "ignores-stored-blocks") this.#store(event);
        return;
      case "BlockRemoved":
        if (this.#fault !== "ignores-removed-blocks") for (const hash of event.block_hashes) this.#remove(String(hash));
        return;
      case "AllBlocksCleared":
        if (this.#fault === "ignores-cleared-blocks") return;
        this.#blocks.clear();
        this.#keys.clear();
    }
  }

  heldTokens(tokens: readonly number[]): number {
    if (this.#blockSize === 0) return 0;
    let parent = ROOT;
    for (let at = 0; ; at += this.#blockSize) {
      const whole = tokens.slice(at, at + this.#blockSize);
      const block = whole.length < this.#blockSize ? undefined : this.#blocks.get(keyOf(parent, whole));
      if (block === undefined) return at;
      parent = block.hash;
    }
  }

  #store({
    block_hashes,
    parent_block_hash,
    token_ids,
    block_size,
  }: Extract<BlockEvent, { type: "BlockStored" }>): void {
    this.#blockSize = block_size;
    let parent = parent_block_hash === null ? ROOT : String(parent_block_hash);
    for (const [index, each] of block_hashes.entries()) {
      const hash = String(each);
      const key = keyOf(parent, token_ids.slice(index * block_size, (index + 1) * block_size));
      const known = this.#blocks.get(key);
      if (known === undefined) this.#blocks.set(key, { hash, times: 1 });
      else known.times++;
      this.#keys.set(hash, key);
      parent = hash;
    }
  }

  #remove(hash: string): void {
    const key = this.#keys.get(hash);
    const block = key === undefined ? undefined : this.#blocks.get(key);
    if (key === undefined || block === undefined) return;
    block.times--;
    if (block.times > 0 && this.#fault === "counts-blocks-twice") return;
    this.#blocks.delete(key);
    this.#keys.delete(hash);
  }
}

const keyOf = (parent: string, tokens: readonly number[]): string => `${parent}:${tokens.join()}`;
