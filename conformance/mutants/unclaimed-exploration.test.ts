import { expect, it } from "vitest";
import type { RouterProfile } from "../router-profile.ts";
import { type Mutant, MUTANTS } from "./pure/mutants.ts";
import { profileOf, VARIANTS, type Variant } from "./pure/variants.ts";
import { huntMutant, runVariant } from "./self-test.ts";

const SILENT_VARIANTS = VARIANTS.map((variant) => ({ ...variant, profile: withoutExploration(variant.profile) }));

/** What goes wrong so seldom, or each time elsewhere, that a router which explores could do it. */
const LIKE_CHANCE: readonly string[] = ["M21", "M35b", "M35q", "M36", "M37e", "M41", "M41t", "M42b"];

function withoutExploration({ exploration: _claim, ...profile }: RouterProfile): RouterProfile {
  return profile;
}

const exploring = ({ name, rule }: Variant): Variant => {
  const strays = { ...rule, exploration: 0.01 };
  return { name, rule: strays, profile: withoutExploration(profileOf(strays)) };
};

/** One of three, from every part of the list. */
const SAMPLE = VARIANTS.filter((_, index) => index % 3 === 0);

it.each(SAMPLE.map((variant) => [variant.name, exploring(variant)] as const))(
  "fails no case of a conforming router that explores and does not say so: %s",
  async (_name, variant) => {
    const { failed, undecided, caseRuns } = await runVariant(variant, 1);
    expect([...failed, ...undecided]).toEqual([]);
    expect(caseRuns).toBeGreaterThan(20);
  },
);

it("catches the others although they do not claim that they never explore", async () => {
  const escaped: Mutant[] = [];
  for (const mutant of MUTANTS) if ((await huntMutant(mutant, 1, SILENT_VARIANTS)) !== undefined) escaped.push(mutant);
  expect(escaped.map(({ id }) => id)).toEqual(LIKE_CHANCE);
});
