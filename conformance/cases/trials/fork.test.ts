import { expect, it } from "vitest";
import { startRule, VARIANTS } from "../../mutants/pure/variants.ts";
import { runOnFunction } from "../../mutants/trial-run.ts";
import { CASES } from "../index.ts";

it("gives up after a dozen pairs that a router never parts, in all looks together, and says that nothing was shown", async () => {
  const [variant] = VARIANTS;
  if (variant === undefined) throw new Error("there is no variant");
  const cases = CASES.filter(({ id }) => id === "LPM-01");
  const [outcome] = await runOnFunction(cases, startRule(variant, 1, "ignores-the-threshold"), variant.profile, 1);
  expect(outcome?.judgement).toMatchObject({ verdict: "inconclusive", reason: "precondition-not-met" });
  const firsts = outcome?.observation.steps.filter((step) => step.kind === "sent" && step.label === "seed-first");
  expect(firsts).toHaveLength(12);
});
