/** The engine's KV events as vLLM words them. */
import type { WireKvEvent } from "../../fixtures/wire/kv-events.ts";
import type { BlockHash, KvEvent, LoraAdapter } from "../engine/engine.ts";

export function toWireEvent(event: KvEvent, blockSize: number): WireKvEvent {
  switch (event.kind) {
    case "cleared":
      return { type: "AllBlocksCleared" };
    case "removed":
      return { type: "BlockRemoved", blockHashes: event.hashes.map(toUint64) };
    case "stored": {
      const { hashes, parent, tokenIds, cacheSalt, lora } = event;
      return {
        type: "BlockStored",
        blockHashes: hashes.map(toUint64),
        parentBlockHash: parent === null ? null : toUint64(parent),
        tokenIds,
        blockSize,
        loraId: lora?.id ?? null,
        loraName: lora?.name ?? null,
        extraKeys: hashes.map((_, index) => extraKeys(lora, parent === null && index === 0 ? cacheSalt : undefined)),
      };
    }
  }
}

/** The adapter enters every block's hash, the salt only the first of a request. */
function extraKeys(lora: LoraAdapter | undefined, cacheSalt: string | undefined): string[] | null {
  const keys = [lora?.name, cacheSalt].filter((key) => key !== undefined);
  return keys.length === 0 ? null : keys;
}

function toUint64(hash: BlockHash): bigint {
  return BigInt(hash);
}
