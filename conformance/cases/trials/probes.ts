/** Judges the probes of a routing case with the oracle. A case whose probes were not sharp has shown nothing, and says so. */
import type { Judgement } from "../../judgement.ts";
import type { Observation } from "../../observation.ts";
import type { Zone } from "../../oracle/allowed.ts";
import { byChance, mostExploration, type RouterProfile } from "../../router-profile.ts";
import { FALSE_POSITIVE_RATE } from "../../statistics/binomial.ts";
import { type JudgedProbe, judgedProbes } from "./judged-probe.ts";
import { looksIn, UNDECIDED, UNMET } from "./looks.ts";
import { judgeFollowing, judgeStraying, type Strays } from "./probe-counts.ts";
import { judgeService } from "./judge-service.ts";
import { whatWasDone } from "./what-was-done.ts";

export interface ProbeRules {
  /** Reason codes by the branch the rule prescribed, where the case knows better than the general ones. */
  readonly blame?: Partial<Record<Zone, string>>;
  /** Sharp probes without which nothing was shown; default 2. */
  readonly minimumSharp?: number;
  /** Branches on each of which so many must be sharp; default: on all together. */
  readonly sharpOn?: readonly Zone[];
  /** Where exploration is declared: the router by which the power is stated; default a coin toss. */
  readonly strays?: Strays;
}

export function judgeProbes(observation: Observation, profile: RouterProfile, rules: ProbeRules = {}): Judgement {
  const unserved = judgeService(observation);
  if (unserved !== undefined) return unserved;
  const looks = looksIn(observation);
  const stages = judgedProbes(observation, profile, looks);
  const probes = stages.flat();
  const counting = byChance(profile);
  const rate = counting && mostExploration(profile) > 0 ? FALSE_POSITIVE_RATE / 2 : FALSE_POSITIVE_RATE;
  const straying = judgeStraying(stages, looks.of, profile, rate, rules.strays);
  const wrong = probes.filter(({ right }) => !right);
  const [first] = wrong;
  if (straying.verdict === "fail" && first !== undefined) {
    return {
      verdict: "fail",
      reason: reasonFor(first, rules.blame),
      detail: describe(first, wrong.length, probes.length),
      done: whatWasDone(observation, first.step),
      expected: first.expectation.allowed,
      observed: wrong.filter((each) => isExpectedLike(each, first)).map(({ step }) => step.pod ?? "none"),
      statistic: straying.statistic,
    };
  }
  const following = counting ? judgeFollowing(stages, looks.of, rate) : undefined;
  if (following?.verdict === "fail" && following.first !== undefined) {
    return {
      verdict: "fail",
      reason: reasonFor(following.first, rules.blame),
      detail: `${following.statistic.observed} of ${following.statistic.n} prompts below the threshold went to the owner of their prefix; it ${following.statistic.bound}`,
      done: whatWasDone(observation, following.first.step),
      statistic: following.statistic,
    };
  }
  const { minimumSharp = 2, sharpOn } = rules;
  const sharp = probes.filter((probe) => probe.sharp);
  const counted = following?.statistic.n ?? 0;
  const blunt = sharpOn?.find((zone) => {
    const sharpThere = sharp.filter(({ expectation }) => expectation.zone === zone).length;
    return sharpThere + (zone === "load" ? counted : 0) < minimumSharp;
  });
  const told = sharp.length + counted;
  if (blunt !== undefined || told < minimumSharp) {
    if (probes.length === 0) return { verdict: "inconclusive", reason: UNMET, detail: NO_TRIAL };
    const where = blunt === undefined ? "" : ` on the branch "${blunt}"`;
    return {
      verdict: "inconclusive",
      reason: UNMET,
      detail: `only ${told} of ${probes.length} probes could tell a right answer from a wrong one; ${minimumSharp} are needed${where}`,
    };
  }
  if (straying.verdict === "open" && profile.exploration === undefined && stages.length >= looks.of) {
    const { n, observed } = straying.statistic;
    return {
      verdict: "unsupported",
      reason: "unsupported",
      detail: `${observed} of ${n} probes went astray, which a router that explores may do: the profile does not claim exploration (0 when it never does)`,
      missingClaim: "exploration",
    };
  }
  const open = [straying, following].find((each) => each?.verdict === "open");
  if (open !== undefined) {
    const { n, observed, bound } = open.statistic;
    return { verdict: "inconclusive", reason: UNDECIDED, detail: `${observed} of ${n} tell neither way: it ${bound}` };
  }
  return { verdict: "pass", statistic: (following ?? straying).statistic };
}

const NO_TRIAL =
  "no trial got as far as its probe: the prompts before it never began on the pods, or kept them busy, as it needs";

/** Pods beside an expectation that was not theirs would read as right answers. */
function isExpectedLike({ expectation }: JudgedProbe, first: JudgedProbe): boolean {
  return expectation.allowed.join() === first.expectation.allowed.join();
}

/** What kind of mistake it was, in general. */
function reasonFor({ step, rival, expectation }: JudgedProbe, blame: ProbeRules["blame"]): string {
  const { zone, livePods, owners, cold, matched } = expectation;
  const pod = step.pod ?? "";
  if (!livePods.includes(pod)) return "used-an-absent-pod";
  const special = blame?.[zone];
  if (special !== undefined) return special;
  switch (zone) {
    case "owner":
      if (owners.includes(pod)) return "chose-the-busier-owner";
      if ((matched.get(pod)?.low ?? 0) > 0) return "followed-a-shorter-match";
      return cold.includes(pod) ? "routed-by-load-above-threshold" : "left-the-owner";
    case "load":
      return pod === rival || owners.includes(pod) ? "followed-the-owner-below-threshold" : "not-the-least-loaded";
    case "gate":
      return owners.includes(pod) ? "stayed-beyond-the-gate" : "not-the-least-loaded";
    case "either":
      return "outside-every-reading";
  }
}

function describe({ step, expectation }: JudgedProbe, wrong: number, of: number): string {
  const { totalUnits, matched, loads, zone, allowed: pods } = expectation;
  const match = [...matched].map(([pod, { low, high }]) => `${pod} ${low === high ? low : `${low} to ${high}`}`);
  const load = [...(loads ?? [])].map(
    ([
      pod,
      {
        requests: { low, high },
      },
    ]) => `${pod} ${low === high ? low : `${low} to ${high}`}`,
  );
  return [
    `${wrong} of ${of} probes went wrong; first ${step.requestId}: expected one of ${pods.join(", ")} (by ${zone}), observed ${step.pod ?? "none"}`,
    `matched ${match.join(", ") || "nothing"} of ${totalUnits.high} units`,
    ...(load.length > 0 ? [`loads ${load.join(", ")}`] : []),
  ].join("; ");
}
