import { expect, it } from "vitest";
import { CASES } from "../cases/index.ts";
import { FunctionSession } from "../function-lab/function-session.ts";
import { RuleRouter } from "./pure/rule-router.ts";
import { VARIANTS } from "./pure/variants.ts";
import { functionCases } from "./trial-run.ts";
import { STIMULI, type Stimulus, withoutStimulus } from "./test-without-stimulus.ts";

/**
 * Cases that may pass without the stimulus, because it is not what they rest on: what they must see they have seen.
 *
 * Holding: fresh prompts are held so that a router which goes by load uses every pod. The pod that came, and those that got
 * the orphans, are seen in use all the same; and that no pod is used which left is asked of every request.
 */
const SHOWN_WITHOUT_IT: Readonly<Partial<Record<Stimulus, readonly string[]>>> = {
  hold: ["POD-01", "POD-02", "POD-04", "POD-09", "POD-11"],
  // They rest on the pod that comes or goes; that it goes or comes again only tidies up.
  "remove a pod": ["POD-07"],
  "add a pod": ["POD-03", "POD-06", "POD-17"],
};

/** Verdict of the case on a conforming router whose lab leaves the stimulus out; undefined when the case does not use it. */
async function verdictWithout(stimulus: Stimulus, caseId: string): Promise<string | undefined> {
  for (const { rule, profile } of VARIANTS.filter((variant) => variant.rule.load === "in-flight")) {
    const [each] = functionCases(
      CASES.filter(({ id }) => id === caseId),
      profile,
    );
    if (each === undefined) continue;
    let used = false;
    const lab = new FunctionSession(new RuleRouter(rule, 1), profile).lab(each, 1);
    const lacking = withoutStimulus(lab, stimulus, (one) => {
      used ||= one === stimulus;
    });
    const broke = await each.traffic(lacking).then(
      () => false,
      () => true,
    );
    if (!used) return undefined;
    return broke ? "error" : each.judge(lab.observation(), profile).verdict;
  }
  return undefined;
}

it.each(Object.keys(STIMULI) as Stimulus[])(
  "passes no case that rests on this when it is left out: %s",
  async (stimulus) => {
    const verdicts = new Map<string, string>();
    for (const { id } of CASES) {
      const verdict = await verdictWithout(stimulus, id);
      if (verdict !== undefined) verdicts.set(id, verdict);
    }
    expect(verdicts.size).toBeGreaterThan(0);
    const passed = [...verdicts].filter(([, verdict]) => verdict === "pass").map(([id]) => id);
    expect(passed).toEqual(SHOWN_WITHOUT_IT[stimulus] ?? []);
  },
);
