/** A case made of independent trials, each in its own namespaces, judged by the oracle. */
import type { Case, Level, Needs } from "../case.ts";
import type { Lab } from "../lab.ts";
import { byChance, type Claim } from "./claims.ts";
import { type ProbeRules, judgeProbes } from "./probes.ts";

interface RoutingCase extends ProbeRules {
  readonly id: string;
  readonly level: Level;
  readonly requirement: string;
  readonly title: string;
  readonly needs?: Partial<Needs>;
  readonly unsupported: Claim;
  /** Default {@link TRIALS}; multiplied where only chance separates right from wrong. */
  readonly trials?: number;
  readonly trial: (lab: Lab, index: number) => Promise<void>;
}

const TRIALS = 6;
/** With three pods a router that guesses is right 12 times of 12 once in 500,000 runs; 24 give the counts their power. */
const CHANCE_FACTOR = 4;

export function routingCase({ trial, trials = TRIALS, blame, minimumSharp, needs, ...rest }: RoutingCase): Case {
  return {
    ...rest,
    needs: { transport: "any", ...needs },
    traffic: async (lab) => {
      const count = byChance(lab.profile) ? trials * CHANCE_FACTOR : trials;
      for (let index = 0; index < count; index++) {
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
