/** Does every pod get its share of prompts that nothing ties to a pod? */
import type { Judgement, Unsupported } from "../case.ts";
import type { Observation } from "../observation.ts";
import type { RouterProfile } from "../router-profile.ts";
import { no, silent } from "./claims.ts";
import { judgeService } from "./probes.ts";
import { FALSE_POSITIVE_RATE, fewestByChance, mostByChance } from "./statistics.ts";

/** Idle pods tie, and a tie may always go to one pod: only these claims promise an even spread. */
export function evenlySpread({ cold, load }: RouterProfile): Unsupported | undefined {
  if (cold === undefined) return silent("cold");
  const { policy, ties } = typeof cold === "object" ? cold : { policy: cold, ties: undefined };
  if (policy === "random" || policy === "round-robin") return undefined;
  if (policy !== "least-load") return no(`cold requests go by ${policy}, which promises no even spread`);
  if (ties === "rotate" || load?.signal === "window") return undefined;
  return no("the router claims no rotation among equally loaded pods");
}

/** Judges the steps labelled `fresh`: each pod's count within what a uniform choice explains. */
export function judgeEven(observation: Observation, reason: string): Judgement {
  const unserved = judgeService(observation);
  if (unserved !== undefined) return unserved;
  const pods = observation.steps.findLast((step) => step.kind === "pods")?.pods ?? [];
  const served = observation.steps.flatMap((step) =>
    step.kind === "sent" && step.label === "fresh" ? [step.pod] : [],
  );
  const counts = pods.map((pod) => served.filter((other) => other === pod).length);
  // Two bounds per pod share the rate.
  const rate = FALSE_POSITIVE_RATE / (2 * pods.length);
  const least = fewestByChance(served.length, 1 / pods.length, rate);
  const most = mostByChance(served.length, 1 / pods.length, rate);
  const statistic = {
    n: served.length,
    observed: Math.max(...counts),
    bound: `every pod between ${least} and ${most}`,
    falsePositiveRate: FALSE_POSITIVE_RATE,
    power: "one pod of four at a share of one half is caught with probability 0.9985",
  };
  if (served.length < 20 * pods.length) {
    return { verdict: "inconclusive", reason: "too-few-trials", detail: `${served.length} requests tell nothing` };
  }
  if (counts.every((count) => count >= least && count <= most)) return { verdict: "pass", statistic };
  return {
    verdict: "fail",
    reason,
    detail: `${served.length} fresh prompts fell ${counts.join(", ")} on pods ${pods.join(", ")}; chance allows ${least} to ${most} each`,
    observed: counts.map(String),
    statistic,
  };
}
