/** Does every pod get its share of prompts that nothing ties to a pod? */
import type { Unsupported } from "../../case.ts";
import type { Judgement } from "../../judgement.ts";
import type { Observation, SentStep } from "../../observation.ts";
import { byChance, type RouterProfile } from "../../router-profile.ts";
import { FALSE_POSITIVE_RATE } from "../../statistics/binomial.ts";
import { judgeCounts, roundedRate, type Count } from "../../statistics/judge-counts.ts";
import { no, silent } from "../claims.ts";
import { looksIn, UNDECIDED, UNMET } from "./looks.ts";
import { judgeService } from "./judge-service.ts";

/** Idle pods tie, and a tie may always go to one pod: only these claims promise an even spread. */
export function evenlySpread(profile: RouterProfile): Unsupported | undefined {
  const { cold, load } = profile;
  if (cold === undefined) return silent("cold");
  if (byChance(profile)) return undefined;
  const { policy, ties } = typeof cold === "object" ? cold : { policy: cold, ties: undefined };
  if (policy !== "least-load") return no(`cold requests go by ${policy}, which promises no even spread`);
  if (ties === "rotate" || load?.signal === "window") return undefined;
  return no("the router claims no rotation among equally loaded pods");
}

/** Requests after which the shares are looked at first. */
export const FRESH_PER_LOOK = 240;
/** What the test is made to catch: a pod that takes half of all, and one that gets a quarter of what is due to it. */
const GREEDY_SHARE = 0.5;
const STARVED_PART = 0.25;

/** Judges the steps labelled `fresh`, all for one model: the count of each pod that serves it within what a uniform choice explains. */
export function judgeFresh(observation: Observation): Judgement {
  const unserved = judgeService(observation);
  if (unserved !== undefined) return unserved;
  const pods = podsOf(observation);
  const { of, stages } = looksIn(observation);
  const served = stages.map((_, index) => freshIn(stages.slice(0, index + 1).flat()));
  const due = 1 / pods.length;
  // Two bounds per pod share the rate.
  const falsePositiveRate = FALSE_POSITIVE_RATE / (2 * pods.length);
  const greedy = pods.map((pod) =>
    judgeCounts(
      countsOf(served, (other) => other === pod),
      of,
      {
        chance: due,
        falsePositiveRate,
        against: { share: GREEDY_SHARE, who: "one pod that takes half of all" },
      },
    ),
  );
  const starved = pods.map((pod) =>
    judgeCounts(
      countsOf(served, (other) => other !== pod),
      of,
      {
        chance: 1 - due,
        falsePositiveRate,
        against: { share: 1 - STARVED_PART * due, who: "one pod that is left out" },
      },
    ),
  );
  const sides = [...greedy, ...starved];
  const counts = greedy.map(({ statistic }) => statistic.observed);
  const [most] = greedy;
  const [least] = starved;
  const tooMany = greedy.some(({ verdict }) => verdict === "fail");
  const tooFew = starved.some(({ verdict }) => verdict === "fail");
  const statistic = most &&
    least && {
      ...most.statistic,
      observed: tooFew && !tooMany ? Math.min(...counts) : Math.max(...counts),
      bound: `each pod ${most.statistic.bound}; and fails under ${most.statistic.n - least.failAbove}`,
      falsePositiveRate: roundedRate(sides.reduce((sum, side) => sum + side.statistic.falsePositiveRate, 0)),
    };
  if (statistic === undefined) return { verdict: "inconclusive", reason: UNMET, detail: "no pod is there" };
  if (sides.every(({ verdict }) => verdict === "pass")) return { verdict: "pass", statistic };
  const found = `${statistic.n} fresh prompts fell ${counts.join(", ")} on pods ${pods.join(", ")}; ${statistic.bound}`;
  if (sides.every(({ verdict }) => verdict !== "fail")) {
    return { verdict: "inconclusive", reason: UNDECIDED, detail: found };
  }
  return { verdict: "fail", reason: "idle-pods-used-unevenly", detail: found, observed: counts.map(String), statistic };
}

const countsOf = (served: readonly (readonly (string | null)[])[], event: (pod: string | null) => boolean): Count[] =>
  served.map((some) => ({ n: some.length, events: some.filter(event).length }));

const freshIn = (steps: readonly SentStep[]): (string | null)[] =>
  steps.filter(({ label }) => label === "fresh").map(({ pod }) => pod);

function podsOf({ steps }: Observation): readonly string[] {
  const { pods = [], serving = {} } = steps.findLast((step) => step.kind === "pods") ?? {};
  const model = steps.flatMap((step) => (step.kind === "sent" && step.label === "fresh" ? [step.model] : []))[0] ?? "";
  return pods.filter((pod) => serving[pod]?.includes(model) !== false);
}
