/** `npm run bench -- conformance`: what every case that a function router supports takes under virtual time. */
import { CASES } from "../../../conformance/cases/index.ts";
import { startRule, VARIANTS } from "../../../conformance/mutants/pure/variants.ts";
import { functionCases, runOnFunction, type StartFunction } from "../../../conformance/mutants/trial-run.ts";
import type { RouterProfile } from "../../../conformance/router-profile.ts";
import { REFERENCE_PROFILE, referenceFunctionRouter } from "../../reference/reference-router.ts";
import { type Contender, printLaps, race } from "../race.ts";

const reference: StartFunction = (threshold) =>
  referenceFunctionRouter(threshold === undefined ? {} : { threshold })({ seed: 1 });

const whole = (name: string, start: StartFunction, profile: RouterProfile): Contender => ({
  name,
  round: async () => (await runOnFunction(functionCases(CASES, profile), start, profile, 1)).length,
});

export async function run(): Promise<void> {
  const rules = VARIANTS.filter(({ name }) => ["token", "gate", "LRU per pod"].includes(name));
  printLaps(
    await race(
      [
        whole("reference router", reference, REFERENCE_PROFILE),
        ...rules.map((variant) => whole(`rule: ${variant.name}`, startRule(variant, 1), variant.profile)),
      ],
      3,
    ),
    "case",
  );
}
