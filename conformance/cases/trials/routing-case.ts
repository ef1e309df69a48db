/** A case made of independent trials, each in its own namespaces, judged by the oracle. */
import type { Case, Level, Needs } from "../../case.ts";
import type { Lab } from "../../lab.ts";
import { type Claim, unpredictable } from "../claims.ts";
import { inLooks, MOST_LOOKS } from "./looks.ts";
import { type ProbeRules, judgeProbes } from "./probes.ts";

interface RoutingCase extends ProbeRules {
  readonly id: string;
  readonly level: Level;
  readonly requirement: string;
  readonly title: string;
  readonly needs?: Partial<Needs>;
  readonly unsupported: Claim;
  /** At the first look; default {@link TRIALS}; multiplied where only chance separates right from wrong. */
  readonly trials?: number;
  /** So many show enough wherever cold requests go, even by chance. */
  readonly manyAnyway?: true;
  /** `index` counts up to `trials` and begins anew. */
  readonly trial: (lab: Lab, index: number) => Promise<void>;
}

const TRIALS = 6;
/** With three pods a router that guesses is right 12 times of 12 once in 500,000 runs; 24 give the counts their power. */
const CHANCE_FACTOR = 4;
/** Real time to wait for a TTL is dear. */
const LOOKS_BY_THE_CLOCK = 2;

export function routingCase(definition: RoutingCase): Case {
  const {
    trial,
    trials = TRIALS,
    manyAnyway = false,
    needs,
    blame,
    minimumSharp,
    sharpOn,
    strays,
    ...rest
  } = definition;
  const rules = definedOnly({ blame, minimumSharp, sharpOn, strays });
  const judge: Case["judge"] = (observation, profile) => judgeProbes(observation, profile, rules);
  return {
    ...rest,
    needs: { transport: "any", load: true, ...needs },
    traffic: async (lab) => {
      const count = unpredictable(lab.profile) && !manyAnyway ? trials * CHANCE_FACTOR : trials;
      const once = async (): Promise<void> => {
        for (let index = 0; index < count; index++) {
          await trial(lab, index % trials);
          await lab.settle();
        }
      };
      const looks = needs?.clockMs !== undefined ? LOOKS_BY_THE_CLOCK : MOST_LOOKS;
      await inLooks(lab, once, (observation) => judge(observation, lab.profile), looks);
    },
    judge,
  };
}

function definedOnly(rules: { [Key in keyof ProbeRules]: ProbeRules[Key] | undefined }): ProbeRules {
  return Object.fromEntries(Object.entries(rules).filter(([, rule]) => rule !== undefined));
}
