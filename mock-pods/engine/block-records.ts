/**
 * All that is known of each KV block, its fields side by side: eight 32-bit numbers, half a cache line. What a pool of
 * 12,735 blocks costs is cache misses, and whoever takes a block needs all of them.
 */
export type BlockRecords = Int32Array;

export const RECORD_FIELDS = 8;

/** {@link ./free-list.ts}: neighbours among the free blocks. */
export const NEXT_FREE = 0;
export const PREVIOUS_FREE = 1;
/** {@link ./kv-block-pool.ts}: requests that refer to it. */
export const REFERENCES = 2;
/** {@link ./prefix-cache.ts}: the two lanes of its hash, and neighbours there. */
export const HIGH = 3;
export const LOW = 4;
export const NEXT_IN_CHAIN = 5;
export const NEWER_TWIN = 6;
export const OLDER_TWIN = 7;

export function blockRecords(numBlocks: number): BlockRecords {
  return new Int32Array(numBlocks * RECORD_FIELDS);
}
