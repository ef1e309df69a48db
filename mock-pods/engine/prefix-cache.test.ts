import * as fc from "fast-check";
import { expect, it } from "vitest";
import { blockRecords } from "./block-records.ts";
import { PrefixCache } from "./prefix-cache.ts";

const BLOCKS = 12;

/** Few low lanes, close together, so that hashes crowd the same chains. */
const hash = fc.tuple(fc.integer({ min: 0, max: 2 }), fc.constantFrom(-2, -1, 0, 1, 30, 31, 32));
const call = fc.tuple(fc.integer({ min: 1, max: BLOCKS - 1 }), hash);

it("finds the oldest block of a hash, however blocks come and go", () => {
  fc.assert(
    fc.property(fc.array(call, { maxLength: 80 }), (calls) => {
      const cache = new PrefixCache(blockRecords(BLOCKS));
      const model = new Map<number, readonly [number, number]>();
      const oldest = ([high, low]: readonly [number, number]): number =>
        [...model].find(([, held]) => held[0] === high && held[1] === low)?.[0] ?? 0;
      for (const [block, held] of calls) {
        if (model.delete(block)) {
          cache.remove(block);
        } else {
          model.set(block, held);
          cache.insert(block, ...held);
        }
        expect(cache.has(block)).toBe(model.has(block));
        for (const [, other] of calls) expect(cache.find(...other)).toBe(oldest(other));
      }
      cache.clear();
      for (const [block, held] of calls) expect([cache.has(block), cache.find(...held)]).toEqual([false, 0]);
    }),
    { numRuns: 500 },
  );
});
