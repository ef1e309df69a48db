/**
 * Judges the probes of a routing case with the oracle.
 *
 * A probe is sharp when the right answer and the wrong one differ: the pods allowed on the branch it was made for do not
 * overlap with those of the other branch. A case whose probes were not sharp has shown nothing, and says so.
 */
import type { Judgement } from "../case.ts";
import type { Observation, PodsStep, SentStep } from "../observation.ts";
import { allowed, type Expectation, type Zone } from "../oracle/allowed.ts";
import { byChance, type RouterProfile } from "../router-profile.ts";
import { RIVAL } from "./busy.ts";
import { FALSE_POSITIVE_RATE } from "../statistics/binomial.ts";
import { inDigits, judgeCounts, type Count, type CountVerdict, type Question } from "../statistics/judge-counts.ts";
import { unpredictable } from "./claims.ts";
import { looksIn, UNDECIDED, UNMET, type Looks } from "./looks.ts";

/** The branch a probe is made for; `any` only asks that the oracle be obeyed. */
export type ProbeKind = "owner" | "load" | "gate" | "any";

export const probeLabel = (kind: ProbeKind): string => `probe-${kind}`;

export interface ProbeRules {
  /** Reason codes by the branch the rule prescribed, where the case knows better than the general ones. */
  readonly blame?: Partial<Record<Zone, string>>;
  /** Sharp probes without which nothing was shown; default 2. */
  readonly minimumSharp?: number;
  /** Branches on each of which so many must be sharp; default: on all together. */
  readonly sharpOn?: readonly Zone[];
  /** Where exploration is declared: the router by which the power is stated; default {@link coinToss}. */
  readonly strays?: (exploration: number) => Question["against"];
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
  const looks = looksIn(observation);
  const stages = judgedProbes(observation, profile, looks);
  const probes = stages.flat();
  const counting = byChance(profile);
  const rate = counting && explores(profile) ? FALSE_POSITIVE_RATE / 2 : FALSE_POSITIVE_RATE;
  const straying = judgeStraying(stages, looks.of, profile, rules, rate);
  const wrong = probes.filter(({ right }) => !right);
  const [first] = wrong;
  if (straying.verdict === "fail" && first !== undefined) {
    return {
      verdict: "fail",
      reason: reasonFor(first, rules.blame),
      detail: describe(first, wrong.length, probes.length),
      expected: first.expectation.allowed,
      observed: wrong.map(({ step }) => step.pod ?? "none"),
      statistic: straying.statistic,
    };
  }
  const following = counting ? judgeFollowing(stages, looks.of, rate) : undefined;
  if (following?.verdict === "fail" && following.first !== undefined) {
    return {
      verdict: "fail",
      reason: reasonFor(following.first, rules.blame),
      detail: `${following.statistic.observed} of ${following.statistic.n} prompts below the threshold went to the owner of their prefix; it ${following.statistic.bound}`,
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
    const where = blunt === undefined ? "" : ` on the branch "${blunt}"`;
    return {
      verdict: "inconclusive",
      reason: UNMET,
      detail: `only ${told} of ${probes.length} probes could tell a right answer from a wrong one; ${minimumSharp} are needed${where}`,
    };
  }
  const open = [straying, following].find((each) => each?.verdict === "open");
  if (open !== undefined) {
    const { n, observed, bound } = open.statistic;
    return { verdict: "inconclusive", reason: UNDECIDED, detail: `${observed} of ${n} tell neither way: it ${bound}` };
  }
  return { verdict: "pass", statistic: (following ?? straying).statistic };
}

const besides = (exploration: number, share: number): number => exploration + (1 - exploration) * share;
const coinToss = (exploration: number) => ({ share: besides(exploration, 0.5), who: "a router that tosses a coin" });
export const oneInTenBesides = (exploration: number) => ({
  share: besides(exploration, 0.1),
  who: "a router that lets one in ten stray besides",
});
/** Six right answers, as many as most cases ask for at first, pass a coin about as often in one look of three. */
const COIN_MISS_RATE = 0.05;

const explores = ({ exploration = 0 }: RouterProfile): boolean => exploration > 0;

/** Answers that the oracle does not allow: none, or as many as the declared exploration explains. */
function judgeStraying(
  stages: readonly (readonly JudgedProbe[])[],
  of: number,
  profile: RouterProfile,
  { strays = coinToss }: ProbeRules,
  falsePositiveRate: number,
): CountVerdict {
  const counts = countsOf(stages, ({ right }) => !right);
  if (explores(profile)) {
    const chance = profile.exploration ?? 0;
    return judgeCounts(counts, of, {
      chance,
      falsePositiveRate,
      against: strays(chance),
      missRate: COIN_MISS_RATE,
    });
  }
  const { n, events } = counts.at(-1) ?? { n: 0, events: 0 };
  const luck = stages.flat().reduce((product, { expectation }) => product * shareAllowed(expectation), 1);
  return {
    verdict: events > 0 ? "fail" : "pass",
    statistic: {
      n,
      observed: events,
      bound: "fails above 0",
      falsePositiveRate: 0,
      power: `${inDigits(1 - luck)} against a router that guesses`,
    },
  };
}

const shareAllowed = ({ allowed: pods, livePods }: Expectation): number =>
  livePods.length === 0 ? 1 : pods.length / livePods.length;

/**
 * Where cold requests go anywhere, a single one that lands on the owner proves nothing; too many of them do. Of n probes
 * that must ignore the owner, chance sends a share of 1 / pods there.
 */
function judgeFollowing(
  stages: readonly (readonly JudgedProbe[])[],
  of: number,
  falsePositiveRate: number,
): (CountVerdict & { readonly first: JudgedProbe | undefined }) | undefined {
  const counted = stages.map((stage) =>
    stage.filter(
      ({ step, rival, expectation }) =>
        step.label === probeLabel("load") && expectation.zone === "load" && rival !== undefined,
    ),
  );
  const all = counted.flat();
  if (all.length === 0) return undefined;
  const hit = ({ step, rival }: JudgedProbe): boolean => step.pod === rival;
  const judged = judgeCounts(countsOf(counted, hit), of, {
    chance: Math.max(...all.map(({ expectation }) => 1 / expectation.livePods.length)),
    falsePositiveRate,
    against: { share: 0.9, who: "a router that follows nine times in ten" },
  });
  return { ...judged, first: all.find(hit) };
}

/** Sums at each look. */
function countsOf(stages: readonly (readonly JudgedProbe[])[], event: (probe: JudgedProbe) => boolean): Count[] {
  return stages.map((_, index) => {
    const soFar = stages.slice(0, index + 1).flat();
    return { n: soFar.length, events: soFar.filter(event).length };
  });
}

/** Of a request that was sent while its owner refused connections. */
export const REFUSED = "refused";

/** Failures made on purpose, and requests sent before the router has converged. */
const UNJUDGED: ReadonlySet<string> = new Set(["upstream-error", REFUSED, "converge", "warm-up"]);

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

function judgedProbes(observation: Observation, profile: RouterProfile, { stages }: Looks): JudgedProbe[][] {
  const rivals = new Map<SentStep, string>();
  let rival: string | undefined;
  for (const step of observation.steps) {
    if (step.kind === "note" && step.label === RIVAL) rival = String(step.data);
    if (step.kind === "sent" && rival !== undefined) rivals.set(step, rival);
  }
  return stages.map((stage) =>
    stage
      .filter(({ label }) => label.startsWith("probe-"))
      .map((step): JudgedProbe => {
        const expectation = allowed(observation, step, profile);
        const right = step.pod !== null && expectation.allowed.includes(step.pod);
        return {
          step,
          rival: rivals.get(step),
          expectation,
          right,
          sharp: isSharp(step, rivals.get(step), expectation, profile),
        };
      }),
  );
}

function isSharp(step: SentStep, rival: string | undefined, expectation: Expectation, profile: RouterProfile): boolean {
  const { zone, allowed: pods, cold, livePods, loads } = expectation;
  if (pods.length === livePods.length) return false;
  // Where load is not known to decide, chance alone separates: any pod that is not allowed will do.
  const guessed = loads === undefined || unpredictable(profile);
  const partsFromCold = guessed ? cold.length === livePods.length : disjoint(pods, cold);
  const leavesRival = rival !== undefined && !pods.includes(rival);
  switch (step.label) {
    case probeLabel("owner"):
      return zone === "owner" && partsFromCold;
    case probeLabel("load"):
    case probeLabel("gate"):
      return (zone === "load" || zone === "gate") && leavesRival;
    default:
      return rival === undefined || leavesRival || (zone === "owner" && partsFromCold);
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
