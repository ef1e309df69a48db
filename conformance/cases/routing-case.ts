/** A case made of independent trials, each in its own namespaces, judged by the oracle. */
import type { Case, Level, Needs } from "../case.ts";
import type { Lab } from "../lab.ts";
import type { RouterProfile } from "../router-profile.ts";
import { type ProbeRules, judgeProbes } from "./probes.ts";

interface RoutingCase extends ProbeRules {
  readonly id: string;
  readonly level: Level;
  readonly requirement: string;
  readonly title: string;
  readonly needs?: Partial<Needs>;
  readonly unsupported: (profile: RouterProfile) => string | undefined;
  /** Default {@link TRIALS}. */
  readonly trials?: number;
  readonly trial: (lab: Lab, index: number) => Promise<void>;
}

const TRIALS = 6;

export function routingCase({ trial, trials = TRIALS, blame, minimumSharp, needs, ...rest }: RoutingCase): Case {
  return {
    ...rest,
    needs: { transport: "any", ...needs },
    traffic: async (lab) => {
      for (let index = 0; index < trials; index++) {
        await trial(lab, index);
        await lab.settle();
      }
    },
    judge: (observation, profile) =>
      judgeProbes(observation, profile, {
        ...(blame === undefined ? {} : { blame }),
        ...(minimumSharp === undefined ? {} : { minimumSharp }),
      }),
  };
}
