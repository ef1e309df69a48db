import * as fc from "fast-check";
import { expect, it } from "vitest";
import { Lateness } from "./lateness.ts";

it("gives quantiles within 5% above the true ones", () => {
  const late = fc.array(fc.double({ min: 0.001, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(late, fc.constantFrom(0.5, 0.9, 0.99, 1), (records, share) => {
      const lateness = new Lateness();
      for (const lateMs of records) lateness.record(lateMs);
      const exact = records.toSorted((a, b) => a - b)[Math.ceil(share * records.length) - 1] as number;
      expect(lateness.quantileMs(share)).toBeGreaterThanOrEqual(exact * (1 - 1e-9));
      expect(lateness.quantileMs(share)).toBeLessThanOrEqual(exact * 1.05 * (1 + 1e-9));
      expect(lateness.maxMs).toBe(Math.max(...records));
    }),
  );
});

it("is nothing when nothing was recorded", () => {
  expect(new Lateness().quantileMs(0.99)).toBe(0);
});
