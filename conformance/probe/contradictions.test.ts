import { expect, it } from "vitest";
import { contradictions } from "./contradictions.ts";

it.each([
  ["cost-model", "least-load", 0],
  ["cost-model", "random", 0],
  ["cost-model", "round-robin", 1],
  ["least-load", "random", 1],
] as const)("cold declared as %s and measured as %s: %i contradictions", (declared, measured, count) => {
  expect(contradictions({ cold: declared }, { cold: measured })).toHaveLength(count);
});
