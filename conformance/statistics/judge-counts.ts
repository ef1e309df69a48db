/** A count of events against what chance explains, told as a maintainer reads it: what was allowed, how sure it is. */
import type { Statistic } from "../judgement.ts";
import { boundaries, failureRate } from "./sequential.ts";

/** Trials so far, and in how many of them the event happened. */
export interface Count {
  readonly n: number;
  readonly events: number;
}

export interface Question {
  /** The event happens to a right router with at most this probability in a trial. */
  readonly chance: number;
  readonly falsePositiveRate: number;
  /** The wrong router by which the power is stated: how often the event happens to it, and who it is. */
  readonly against: { readonly share: number; readonly who: string };
  /** That router passes before the last look with at most this probability; default {@link MISS_RATE}. */
  readonly missRate?: number;
}

export interface CountVerdict {
  /** `open`: more trials are needed. */
  readonly verdict: "pass" | "fail" | "open";
  readonly statistic: Statistic;
  /** More events than this fail at the look that was judged last. */
  readonly failAbove: number;
}

/** Trials at each look, as multiples of those at the first: nothing is asked more than three times. */
export const LOOK_MULTIPLES = [1, 2, 4] as const;

const MISS_RATE = 1e-3;

/** `counts` are those at each look so far, sums not differences; `of` is how many looks there may be. */
export function judgeCounts(counts: readonly Count[], of: number, question: Question): CountVerdict {
  const { chance, falsePositiveRate, against, missRate = MISS_RATE } = question;
  const first = counts[0]?.n ?? 0;
  const ns = Array.from({ length: of }, (_, index) => counts[index]?.n ?? first * (LOOK_MULTIPLES[index] ?? 1));
  // A plan that turned out otherwise than foreseen never shrinks.
  const plan = ns.map((n, index) => Math.max(n, ...ns.slice(0, index)));
  const looks = boundaries(plan, { chance, broken: against.share, looks: of, falsePositiveRate, missRate });
  const last = counts.length - 1;
  const { n, events } = counts[last] ?? { n: 0, events: 0 };
  const { passUpTo = -1, failAbove = 0 } = looks[last] ?? {};
  const failed = counts.some((count, index) => count.events > (looks[index]?.failAbove ?? 0));
  const more =
    of === 1
      ? ""
      : `, passes up to ${Math.max(passUpTo, 0)}; look ${counts.length} of ${of}, at most ${plan.at(-1)} trials`;
  // Where no count could have failed, none passes by being low enough to have.
  const told = counts.length < of || failAbove < n;
  return {
    verdict: failed ? "fail" : told && events <= passUpTo ? "pass" : "open",
    failAbove,
    statistic: {
      n,
      observed: events,
      bound: `fails above ${failAbove} of ${n}${more}`,
      falsePositiveRate: roundedRate(failureRate(looks, chance, false)),
      power: `${inDigits(failureRate(looks, against.share, true))} against ${against.who}`,
    },
  };
}

/** No more digits than mean anything. */
export function roundedRate(rate: number): number {
  return Number(rate.toPrecision(2));
}

/** A probability near 1 is told by what it lacks. */
export function inDigits(probability: number): string {
  const lack = 1 - probability;
  if (lack > 1e-3) return probability.toFixed(3);
  return lack < 1e-12 ? "1" : `1 - ${lack.toExponential(0)}`;
}
