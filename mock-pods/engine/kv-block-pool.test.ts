import { expect, it } from "vitest";
import { KvBlockPool } from "./kv-block-pool.ts";

/** Takes all that is free, in order. */
function drain(pool: KvBlockPool): number[] {
  return Array.from({ length: pool.freeBlocks }, () => pool.take());
}

it("gives blocks in the order of their numbers at first", () => {
  expect(drain(new KvBlockPool(5))).toEqual([1, 2, 3, 4]);
});

it("puts what is released without a hash in front, as one group, the tail first; what has one behind", () => {
  const pool = new KvBlockPool(8);
  const blocks = [pool.take(), pool.take(), pool.take(), pool.take()];
  pool.cache.insert(1, 10, 10);
  pool.cache.insert(2, 20, 20);
  pool.release(blocks);
  expect(drain(pool)).toEqual([4, 3, 5, 6, 7, 2, 1]);
});

it("frees a shared block with its last reference, and keeps one that is found again from being taken", () => {
  const pool = new KvBlockPool(4);
  const shared = [pool.take()];
  pool.cache.insert(1, 10, 10);
  pool.touch(1);
  pool.release(shared);
  expect(pool.freeBlocks).toBe(2);
  pool.release(shared);
  expect(pool.freeBlocks).toBe(3);
  pool.touch(1);
  expect(drain(pool)).toEqual([2, 3]);
});

it("forgets at a reset what is cached, and not the order of reuse", () => {
  const pool = new KvBlockPool(5);
  const blocks = [pool.take(), pool.take()];
  pool.cache.insert(1, 10, 10);
  expect(pool.reset()).toBe(false);
  pool.release(blocks);
  expect(pool.reset()).toBe(true);
  expect(pool.cache.find(10, 10)).toBe(0);
  expect(drain(pool)).toEqual([2, 3, 4, 1]);
});
