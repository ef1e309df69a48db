import { expect, it } from "vitest";
import { FAULTS } from "./pure/fault.ts";
import { drawnVariants } from "./pure/drawn-variants.ts";
import { MUTANTS } from "./pure/mutants.ts";
import { VARIANTS } from "./pure/variants.ts";
import { huntMutant, runVariant } from "./self-test.ts";

it.each(MUTANTS.map((mutant) => [`${mutant.id} ${mutant.fault}`, mutant] as const))(
  "catches %s",
  async (_name, mutant) => {
    for (const seed of [1, 2]) expect(await huntMutant(mutant, seed)).toBeUndefined();
  },
);

it("has a mutant for every fault", () => {
  expect(Object.keys(FAULTS).filter((fault) => !MUTANTS.some((mutant) => mutant.fault === fault))).toEqual([]);
});

/** One answer decides, and chance has no part in it: every other case states n, bound, false-positive rate and power. */
const COUNT_NOTHING = ["SPL-05", "POD-02", "POD-08", "POD-09", "HOT-04", "TOK-01", "MOD-02", "MOD-07"];

it.each(VARIANTS.map((variant) => [variant.name, variant] as const))(
  "passes the conforming router, and says of what is counted how sure that is: %s",
  async (_name, variant) => {
    const { failed, undecided, caseRuns, uncounted } = await runVariant(variant, 1);
    expect(uncounted.filter((id) => !COUNT_NOTHING.includes(id))).toEqual([]);
    expect([...failed, ...undecided]).toEqual([]);
    expect(caseRuns).toBeGreaterThan(20);
  },
);

it.each(drawnVariants(4).map((variant) => [JSON.stringify(variant.rule), variant] as const))(
  "fails no case of a conforming rule drawn at random: %s",
  async (_rule, variant) => {
    const { failed, caseRuns } = await runVariant(variant, 1);
    expect(failed).toEqual([]);
    expect(caseRuns).toBeGreaterThan(5);
  },
);
