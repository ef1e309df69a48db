import { expect, it } from "vitest";
import { CASES } from "../cases/index.ts";
import { runCases } from "../runner/run-cases.ts";
import { testFunctionRouter } from "../runner/test-doubles.ts";
import { missingClaims } from "./missing-claims.ts";

it("counts the cases behind each claim that is left out, and none behind what the profile says otherwise", async () => {
  const profile = { match: { unit: "char" }, gate: null, isolation: { model: false } } as const;
  const catalogue = CASES.filter(({ id }) =>
    ["THR-02", "THR-05", "LOAD-02", "LOAD-05", "MOD-01", "SPL-05"].includes(id),
  );
  const { cases } = await runCases({ adapter: testFunctionRouter(profile), catalogue });
  expect(missingClaims(cases)).toEqual([
    ["threshold", 4],
    ["cold", 1],
  ]);
});
