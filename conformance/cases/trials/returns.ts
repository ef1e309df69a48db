/** Counts how often a prompt sent a second time came back to its first pod, where only chance should bring it there. */
import type { Judgement } from "../../judgement.ts";
import type { Observation } from "../../observation.ts";
import { FALSE_POSITIVE_RATE } from "../../statistics/binomial.ts";
import { judgeCounts } from "../../statistics/judge-counts.ts";
import { UNDECIDED } from "./looks.ts";
import { judgeService } from "./judge-service.ts";

/** Compares steps labelled `first` and `again` with the same prompt. */
export function judgeReturns(observation: Observation, reason: string): Judgement {
  const unserved = judgeService(observation);
  if (unserved !== undefined) return unserved;
  const sent = observation.steps.flatMap((step) => (step.kind === "sent" ? [step] : []));
  const firstPod = new Map(sent.filter(({ label }) => label === "first").map((step) => [step.prompt.text, step.pod]));
  const again = sent.filter(({ label, prompt }) => label === "again" && firstPod.has(prompt.text));
  const pods = observation.steps.find((step) => step.kind === "pods")?.pods.length ?? 1;
  const events = again.filter(({ prompt, pod }) => firstPod.get(prompt.text) === pod).length;
  const { verdict, statistic } = judgeCounts([{ n: again.length, events }], 1, {
    chance: 1 / pods,
    falsePositiveRate: FALSE_POSITIVE_RATE,
    against: { share: 0.9, who: "a router that returns nine times in ten" },
  });
  if (verdict === "pass") return { verdict, statistic };
  const detail = `${events} of ${again.length} prompts came back to their first pod; it ${statistic.bound}`;
  if (verdict === "open") return { verdict: "inconclusive", reason: UNDECIDED, detail };
  return { verdict, reason, detail, statistic };
}
