/** Counts how often a prompt sent a second time came back to its first pod, where only chance should bring it there. */
import type { Judgement } from "../case.ts";
import type { Observation } from "../observation.ts";
import { judgeService } from "./probes.ts";
import { FALSE_POSITIVE_RATE, mostByChance } from "./statistics.ts";

/** Compares steps labelled `first` and `again` with the same prompt. */
export function judgeReturns(observation: Observation, reason: string): Judgement {
  const unserved = judgeService(observation);
  if (unserved !== undefined) return unserved;
  const sent = observation.steps.flatMap((step) => (step.kind === "sent" ? [step] : []));
  const firstPod = new Map(sent.filter(({ label }) => label === "first").map((step) => [step.prompt.text, step.pod]));
  const again = sent.filter(({ label, prompt }) => label === "again" && firstPod.has(prompt.text));
  const pods = observation.steps.find((step) => step.kind === "pods")?.pods.length ?? 1;
  const returned = again.filter(({ prompt, pod }) => firstPod.get(prompt.text) === pod).length;
  const most = mostByChance(again.length, 1 / pods);
  const statistic = {
    n: again.length,
    observed: returned,
    bound: `at most ${most} of ${again.length} by chance 1/${pods}`,
    falsePositiveRate: FALSE_POSITIVE_RATE,
    power: "a router that always returns is always caught",
  };
  if (most >= again.length) {
    return { verdict: "inconclusive", reason: "too-few-trials", detail: `${again.length} returns tell nothing` };
  }
  if (returned <= most) return { verdict: "pass", statistic };
  return {
    verdict: "fail",
    reason,
    detail: `${returned} of ${again.length} prompts came back to their first pod; chance explains ${most}`,
    statistic,
  };
}
