import * as fc from "fast-check";
import { expect, it } from "vitest";
import { sharedTokens } from "./shared-tokens.ts";

it("finds the first difference in edges of any length, wherever edge and prompt begin", () => {
  const size = fc.integer({ min: 0, max: 5000 });
  fc.assert(
    fc.property(size, size, fc.nat({ max: 50 }), fc.nat({ max: 50 }), (edgeTokens, sameTokens, start, at) => {
      const edge = Int32Array.from({ length: start + edgeTokens + 3 }, (_, index) => index % 7);
      const prompt = Int32Array.from({ length: at + edgeTokens }, (_, index) => edge[start + index - at] ?? 9);
      if (sameTokens < edgeTokens) prompt[at + sameTokens] = 8;
      // A view that does not begin at its buffer's start, as callers may hand over.
      const view = Int32Array.from([5, ...prompt]).subarray(1);
      expect(sharedTokens(edge, start, start + edgeTokens, view, at)).toBe(Math.min(edgeTokens, sameTokens));
    }),
  );
});
