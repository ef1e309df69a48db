/** The reference router's decision core under the kit's function cases, on virtual time. */
import { expect, it } from "vitest";
import type { FunctionRouter } from "../../fixtures/routing.ts";
import { CASES } from "../../conformance/cases/index.ts";
import { functionCases, runOnFunction } from "../../conformance/mutants/trial-run.ts";
import { REFERENCE_PROFILE, referenceFunctionRouter } from "./reference-router.ts";

const start = (threshold?: number): FunctionRouter =>
  referenceFunctionRouter(threshold === undefined ? {} : { threshold })({ seed: 1 });

const cases = functionCases(CASES, REFERENCE_PROFILE);

it("passes every case that its profile supports", async () => {
  const outcomes = await runOnFunction(cases, start, REFERENCE_PROFILE, 1);
  expect(outcomes.filter(({ judgement }) => judgement.verdict !== "pass").map(summary)).toEqual([]);
  expect(outcomes.length).toBeGreaterThan(35);
});

it("is told apart from a router that never serves and from one that guesses", async () => {
  const never = await runOnFunction(cases, refusing, REFERENCE_PROFILE, 1);
  expect(never.filter(({ judgement }) => judgement.verdict === "pass").map(summary)).toEqual([]);
  const guessing = () => referenceFunctionRouter({ strategy: "random" })({ seed: 1 });
  const failed = (await runOnFunction(cases, guessing, REFERENCE_PROFILE, 1))
    .filter(({ judgement }) => judgement.verdict === "fail")
    .map(({ caseId }) => caseId);
  expect(failed).toEqual(expect.arrayContaining(["SPL-04", "AFF-01", "RND-01", "LPM-01", "POD-06"]));
});

/** Answers 503 to everything. */
function refusing(): FunctionRouter {
  return {
    setPods: () => undefined,
    decide: ({ requestId, model }, atMs) => ({
      requestId,
      model,
      strategy: "none",
      reason: "rejected",
      pod: null,
      matchedTokens: 0,
      totalTokens: 0,
      ratio: 0,
      threshold: 0,
      candidates: [],
      atMs,
    }),
    finished: () => undefined,
    tick: () => undefined,
  };
}

function summary({ caseId, judgement }: Awaited<ReturnType<typeof runOnFunction>>[number]): string {
  return judgement.verdict === "pass"
    ? caseId
    : `${caseId} ${judgement.verdict} ${judgement.reason}: ${judgement.detail}`;
}
