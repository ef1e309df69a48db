/** A case about what passes through the router, judged by rules over its exchanges. */
import type { Case, Level, Needs } from "../../case.ts";
import type { Judgement } from "../../judgement.ts";
import type { Lab } from "../../lab.ts";
import type { Observation } from "../../observation.ts";
import type { RouterProfile } from "../../router-profile.ts";
import { type Claim, none } from "../claims.ts";
import { type Exchange, exchangesOf } from "./exchange.ts";

export interface Finding {
  readonly reason: string;
  readonly detail: string;
  readonly expected?: readonly string[];
  readonly observed?: readonly string[];
}

interface HttpCase {
  readonly id: string;
  readonly level: Level;
  readonly requirement: string;
  readonly title: string;
  /** Unless it says otherwise, which pod serves is nothing to it. */
  readonly needs?: Partial<Needs>;
  readonly unsupported?: Claim;
  readonly traffic: (lab: Lab) => Promise<void>;
  /** Exchanges whose stimulus did not happen make the case inconclusive; the text says what was missing. */
  readonly missing?: (exchanges: readonly Exchange[], observation: Observation) => string | undefined;
  /** What was measured, where that is worth reading although nothing is wrong. */
  readonly measured?: (observation: Observation) => string;
  readonly finding: (
    exchanges: readonly Exchange[],
    profile: RouterProfile,
    observation: Observation,
  ) => Finding | undefined;
}

export function httpCase({ finding, missing, measured, needs, unsupported = none, ...rest }: HttpCase): Case {
  return {
    ...rest,
    unsupported,
    needs: { transport: "http", scriptedPods: true, anyPod: true, ...needs },
    judge: (observation, profile): Judgement => {
      const exchanges = exchangesOf(observation);
      const found = finding(exchanges, profile, observation);
      if (found !== undefined) return { verdict: "fail", ...found };
      const lacking = exchanges.length === 0 ? "nothing was sent" : missing?.(exchanges, observation);
      if (lacking !== undefined) return { verdict: "inconclusive", reason: "precondition-not-met", detail: lacking };
      return { verdict: "pass", ...(measured === undefined ? {} : { detail: measured(observation) }) };
    },
  };
}

/** The stimulus of most cases: every exchange reached a pod. */
export const unreached = (exchanges: readonly Exchange[]): string | undefined => {
  const stray = exchanges.find(({ attempts }) => attempts.length === 0);
  return stray === undefined ? undefined : `${stray.label} reached no pod (status ${stray.status})`;
};
