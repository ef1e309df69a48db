/** Counts the probes that went astray, where the declared exploration or the cold policy gives chance a part in it. */
import type { Expectation } from "../../oracle/allowed.ts";
import { mostExploration, type RouterProfile } from "../../router-profile.ts";
import { mostByChance } from "../../statistics/binomial.ts";
import {
  inDigits,
  judgeCounts,
  roundedRate,
  type Count,
  type CountVerdict,
  type Question,
} from "../../statistics/judge-counts.ts";
import { type JudgedProbe, probeLabel } from "./judged-probe.ts";

/** The router by which the power is stated, for a declared exploration. */
export type Strays = (exploration: number) => Question["against"];

const besides = (exploration: number, share: number): number => exploration + (1 - exploration) * share;
const coinToss = (exploration: number) => ({ share: besides(exploration, 0.5), who: "a router that tosses a coin" });
export const oneInTenBesides = (exploration: number) => ({
  share: besides(exploration, 0.1),
  who: "a router that lets one in ten stray besides",
});
/** Six right answers, as many as most cases ask for at first, pass a coin about as often in one look of three. */
const COIN_MISS_RATE = 0.05;

/** No chance takes a request to a pod that is not there. */
const isExplicable = ({ step, expectation }: JudgedProbe): boolean =>
  step.pod !== null && expectation.livePods.includes(step.pod);

/** Answers that the oracle does not allow: none, or as many as exploration explains, claimed or granted. */
export function judgeStraying(
  stages: readonly (readonly JudgedProbe[])[],
  of: number,
  profile: RouterProfile,
  falsePositiveRate: number,
  strays: Strays = coinToss,
): CountVerdict {
  const counts = countsOf(stages, ({ right }) => !right);
  const { n, events } = counts.at(-1) ?? { n: 0, events: 0 };
  const isClaimed = profile.exploration !== undefined;
  const isChance = stages.flat().every((probe) => probe.right || isExplicable(probe));
  if (mostExploration(profile) > 0 && isChance && (isClaimed || events > 0)) {
    const chance = mostExploration(profile);
    const rate = isClaimed ? falsePositiveRate : falsePositiveRate / 2;
    const question = { chance, falsePositiveRate: rate, against: strays(chance), missRate: COIN_MISS_RATE };
    const judged = judgeCounts(counts, of, question);
    return isClaimed ? judged : withoutClaim(judged, stages, chance, rate);
  }
  const luck = stages.flat().reduce((product, { expectation }) => product * shareAllowed(expectation), 1);
  return {
    verdict: events > 0 ? "fail" : "pass",
    failAbove: 0,
    statistic: {
      n,
      observed: events,
      bound: "fails above 0",
      falsePositiveRate: 0,
      power: `${inDigits(1 - luck)} against a router that guesses`,
    },
  };
}

/**
 * Where exploration is not claimed, some strays pass nobody: they stay open, but for those that fail. Chance strikes anywhere;
 * what is broken strays in the same place of one round of trials after the other.
 */
function withoutClaim(
  judged: CountVerdict,
  stages: readonly (readonly JudgedProbe[])[],
  chance: number,
  falsePositiveRate: number,
): CountVerdict {
  const probes = stages.flat();
  const places = stages[0]?.length ?? 0;
  const rounds = Math.floor(probes.length / places);
  const strays = Array.from(
    { length: places },
    (_, place) => probes.filter(({ right }, index) => !right && index % places === place).length,
  );
  const most = mostByChance(rounds, chance, falsePositiveRate / places);
  const isInPlace = probes.length === rounds * places && strays.some((count) => count > most);
  const { statistic } = judged;
  return {
    ...judged,
    verdict: judged.verdict === "fail" || isInPlace ? "fail" : "open",
    statistic: {
      ...statistic,
      bound: `${statistic.bound}, or above ${most} of ${rounds} in one place of all rounds`,
      falsePositiveRate: roundedRate(statistic.falsePositiveRate + falsePositiveRate),
    },
  };
}

const shareAllowed = ({ allowed: pods, livePods }: Expectation): number =>
  livePods.length === 0 ? 1 : pods.length / livePods.length;

/**
 * Where cold requests go anywhere, a single one that lands on the owner proves nothing; too many of them do. Of n probes
 * that must ignore the owner, chance sends a share of 1 / pods there.
 */
export function judgeFollowing(
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
