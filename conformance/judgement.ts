/** What can come of a case. */
/** What was judged first, in the order in which reports count them. */
export const VERDICTS = ["pass", "fail", "inconclusive", "error", "unsupported", "skipped", "not-run"] as const;
export type Verdict = (typeof VERDICTS)[number];

/** What a judgement says. `reason` is a kebab-case code that mutant tests assert. */
export type Judgement =
  | {
      readonly verdict: "pass";
      readonly statistic?: Statistic;
      /** What was measured, where that is worth reading although nothing is wrong. */
      readonly detail?: string;
    }
  | {
      readonly verdict: "fail";
      readonly reason: string;
      /** One sentence for a maintainer: what was done and what came out. */
      readonly detail: string;
      /** The steps that led there, where they are many. */
      readonly done?: string;
      readonly expected?: readonly string[];
      readonly observed?: readonly string[];
      readonly statistic?: Statistic;
    }
  /** What came out is right or wrong by a claim that the profile does not make. */
  | {
      readonly verdict: "unsupported";
      readonly reason: "unsupported";
      readonly detail: string;
      readonly missingClaim: string;
    }
  /** The precondition was not met, or the statistic is undecided. Never used to hide a failure. */
  | { readonly verdict: "inconclusive"; readonly reason: string; readonly detail: string };

/** A statistical assertion states everything beforehand and is printed with the result. */
export interface Statistic {
  readonly n: number;
  readonly observed: number;
  readonly bound: string;
  readonly falsePositiveRate: number;
  readonly power: string;
}
