import * as fc from "fast-check";
import { expect, it } from "vitest";
import { blockRecords } from "./block-records.ts";
import { PrefixCache } from "./prefix-cache.ts";

const USED = 11;

/** Few low lanes, close together, so that hashes crowd the same chains. */
const hash = fc.tuple(fc.integer({ min: 0, max: 2 }), fc.constantFrom(-2, -1, 0, 1, 30, 31, 32));
const call = fc.tuple(fc.integer({ min: 1, max: USED }), hash);

it.each([12, 2 ** 16 + 12])("of %i blocks it finds the oldest of a hash, however blocks come and go", (numBlocks) => {
  const records = blockRecords(numBlocks);
  // The last ones: their numbers are the longest.
  const first = numBlocks - 1 - USED;
  fc.assert(
    fc.property(fc.array(call, { maxLength: 80 }), (calls) => {
      const cache = new PrefixCache(records);
      cache.clear();
      const model = new Map<number, readonly [number, number]>();
      const oldest = ([high, low]: readonly [number, number]): number =>
        [...model].find(([, held]) => held[0] === high && held[1] === low)?.[0] ?? 0;
      for (const [number, held] of calls) {
        const block = first + number;
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
      for (const [number, held] of calls) expect([cache.has(first + number), cache.find(...held)]).toEqual([false, 0]);
    }),
    { numRuns: numBlocks === 12 ? 500 : 50 },
  );
});
