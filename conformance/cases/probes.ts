/**
 * Judges the probes of a routing case with the oracle.
 *
 * A probe is sharp when the right answer and the wrong one differ: the pods allowed on the branch it was made for do not
 * overlap with those of the other branch. A case whose probes were not sharp has shown nothing, and says so.
 */
import type { Judgement } from "../case.ts";
import type { Observation, PodsStep, SentStep } from "../observation.ts";
import { allowed, type Expectation, type Zone } from "../oracle/allowed.ts";
import type { RouterProfile } from "../router-profile.ts";
import { RIVAL } from "./busy.ts";
import { byChance } from "./claims.ts";
import { FALSE_POSITIVE_RATE, mostByChance } from "./statistics.ts";

/** The branch a probe is made for; `any` only asks that the oracle be obeyed. */
export type ProbeKind = "owner" | "load" | "gate" | "any";

export const probeLabel = (kind: ProbeKind): string => `probe-${kind}`;

export interface ProbeRules {
  /** Reason codes by the branch the rule prescribed, where the case knows better than the general ones. */
  readonly blame?: Partial<Record<Zone, string>>;
  /** Sharp probes without which nothing was shown. */
  readonly minimumSharp?: number;
}

interface JudgedProbe {
  readonly step: SentStep;
  /** The pod made busy before it: what a wrong router follows, or leaves. */
  readonly rival: string | undefined;
  readonly expectation: Expectation;
  readonly sharp: boolean;
  readonly right: boolean;
}

export function judgeProbes(observation: Observation, profile: RouterProfile, rules: ProbeRules = {}): Judgement {
  const unserved = judgeService(observation);
  if (unserved !== undefined) return unserved;
  const probes = judgedProbes(observation, profile);
  const wrong = probes.filter(({ right }) => !right);
  const exploration = profile.exploration ?? 0;
  const tolerated = mostByChance(probes.length, exploration);
  const first = wrong[0];
  if (first !== undefined && wrong.length > tolerated) {
    return {
      verdict: "fail",
      reason: reasonFor(first, rules.blame),
      detail: describe(first, wrong.length, probes.length),
      expected: first.expectation.allowed,
      observed: wrong.map(({ step }) => step.pod ?? "none"),
      ...(exploration > 0
        ? { statistic: explorationStatistic(probes.length, wrong.length, tolerated, exploration) }
        : {}),
    };
  }
  const followed = judgeFollowing(probes, profile, rules);
  if (followed?.verdict === "fail") return followed;
  const sharp = probes.filter((probe) => probe.sharp).length + (followed === undefined ? 0 : followed.counted);
  const minimumSharp = rules.minimumSharp ?? 2;
  if (sharp < minimumSharp) {
    return {
      verdict: "inconclusive",
      reason: "precondition-not-met",
      detail: `only ${sharp} of ${probes.length} probes could tell a right answer from a wrong one; ${minimumSharp} are needed`,
    };
  }
  return { verdict: "pass" };
}

/** Too few trials for a count to tell following from chance. */
const LEAST_COUNTED = 20;

/**
 * Where cold requests go anywhere, a single one that lands on the owner proves nothing; too many of them do. Of n probes
 * that must ignore the owner, chance sends a share of 1 / pods there.
 */
function judgeFollowing(
  probes: readonly JudgedProbe[],
  profile: RouterProfile,
  rules: ProbeRules,
): (Judgement & { verdict: "fail" }) | { readonly verdict: "open"; readonly counted: number } | undefined {
  if (!byChance(profile)) return undefined;
  const counted = probes.filter(
    ({ step, rival, expectation }) =>
      step.label === probeLabel("load") && expectation.zone === "load" && rival !== undefined,
  );
  if (counted.length < LEAST_COUNTED) return undefined;
  const share = Math.max(...counted.map(({ expectation }) => 1 / expectation.livePods.length));
  const hits = counted.filter(({ step, rival }) => step.pod === rival);
  const most = mostByChance(counted.length, share);
  const first = hits[0];
  if (hits.length <= most || first === undefined) return { verdict: "open", counted: counted.length };
  return {
    verdict: "fail",
    reason: reasonFor(first, rules.blame),
    detail: `${hits.length} of ${counted.length} prompts below the threshold went to the owner of their prefix; chance explains ${most}`,
    statistic: {
      n: counted.length,
      observed: hits.length,
      bound: `at most ${most} at chance ${share.toFixed(2)}`,
      falsePositiveRate: FALSE_POSITIVE_RATE,
      power: "a router that always follows is always caught",
    },
  };
}

/** Failures made on purpose, and requests sent before the router has converged. */
const UNJUDGED: ReadonlySet<string> = new Set(["upstream-error", "converge", "warm-up"]);

/** Healthy pods were there, and a request still got no answer from any. */
export function judgeService(observation: Observation): Judgement | undefined {
  let live: readonly string[] = [];
  let serving: PodsStep["serving"];
  for (const step of observation.steps) {
    if (step.kind === "pods") ({ pods: live, serving } = step);
    if (step.kind !== "sent" || live.length === 0 || UNJUDGED.has(step.label)) continue;
    const stray = step.attempts.find((pod) => serving?.[pod]?.includes(step.model) === false);
    if (stray !== undefined) {
      return {
        verdict: "fail",
        reason: "used-a-pod-without-the-model",
        detail: `${step.label} ${step.requestId} asked for ${step.model} and reached ${stray}, which serves ${serving?.[stray]?.join(", ")}`,
        expected: live.filter((pod) => serving?.[pod]?.includes(step.model) !== false),
        observed: [...step.attempts],
      };
    }
    if (step.status === 0 || step.status >= 500 || (step.pod === null && step.status < 400)) {
      return {
        verdict: "fail",
        reason: "request-not-served",
        detail: `${step.label} ${step.requestId} got status ${step.status} and reached ${step.attempts.join(", ") || "no pod"} although ${live.length} pods were ready`,
        expected: live,
        observed: [...step.attempts],
      };
    }
    if (step.status >= 400) {
      return {
        verdict: "inconclusive",
        reason: "request-refused",
        detail: `${step.label} ${step.requestId} was refused with status ${step.status}: does the adapter name a path and a model that this router serves?`,
      };
    }
  }
  return undefined;
}

function judgedProbes(observation: Observation, profile: RouterProfile): JudgedProbe[] {
  let rival: string | undefined;
  return observation.steps.flatMap((step): JudgedProbe[] => {
    if (step.kind === "note" && step.label === RIVAL) rival = String(step.data);
    if (step.kind !== "sent" || !step.label.startsWith("probe-")) return [];
    const expectation = allowed(observation, step, profile);
    const right = step.pod !== null && expectation.allowed.includes(step.pod);
    return [{ step, rival, expectation, right, sharp: isSharp(step, rival, expectation) }];
  });
}

function isSharp(step: SentStep, rival: string | undefined, expectation: Expectation): boolean {
  const { zone, allowed: pods, cold, livePods, loads } = expectation;
  if (pods.length === livePods.length) return false;
  switch (step.label) {
    case probeLabel("owner"):
      // Where load is not known to decide, chance alone separates: any pod that is not allowed will do.
      return zone === "owner" && (loads === undefined ? cold.length === livePods.length : disjoint(pods, cold));
    case probeLabel("load"):
    case probeLabel("gate"):
      return (zone === "load" || zone === "gate") && rival !== undefined && !pods.includes(rival);
    default:
      return true;
  }
}

const disjoint = (a: readonly string[], b: readonly string[]): boolean => !a.some((item) => b.includes(item));

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

function explorationStatistic(n: number, observed: number, tolerated: number, exploration: number) {
  return {
    n,
    observed,
    bound: `at most ${tolerated} wrong at exploration ${exploration}`,
    falsePositiveRate: FALSE_POSITIVE_RATE,
    power: `a router that is always wrong exceeds it with certainty when n > ${tolerated}`,
  };
}
