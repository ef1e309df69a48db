/** AFF: how often a repeated prompt goes back to its pod, counted. */
import type { Case } from "../case.ts";
import type { Lab } from "../lab.ts";
import type { RouterProfile } from "../router-profile.ts";
import { all, claimed, gateTold, prefixAware } from "./claims.ts";
import { probeLabel } from "./judged-probe.ts";
import { oneInTenBesides } from "./probe-counts.ts";
import { routingCase } from "./routing-case.ts";
import { trunk } from "./shape.ts";

async function sendTwice(lab: Lab): Promise<void> {
  const prompt = trunk(lab.corpus.namespace(), 1);
  await lab.send(prompt, { label: "seed" });
  await lab.send(prompt, { label: probeLabel("any") });
}

/** Many pairs in one trial: nothing is held, so nothing needs to settle in between. */
async function sendPairs(lab: Lab, count: number): Promise<void> {
  for (let pair = 0; pair < count; pair++) await sendTwice(lab);
}

export const affinityCases: readonly Case[] = [
  routingCase({
    id: "AFF-01",
    level: "MUST",
    requirement: "R-AFF-1",
    title:
      "A prompt that is repeated at once on an idle fleet MUST go to the same pod, but for the declared exploration.",
    needs: { load: false },
    unsupported: all(prefixAware, gateTold),
    strays: oneInTenBesides,
    trials: 1,
    manyAnyway: true,
    trial: (lab) => sendPairs(lab, 100),
  }),
  routingCase({
    id: "AFF-02",
    level: "declared-MUST",
    requirement: "R-AFF-1",
    needs: { load: false },
    title: "Over many repetitions, no more prompts MUST stray than the declared exploration explains.",
    unsupported: all(
      prefixAware,
      claimed("exploration above 0", ({ exploration }: RouterProfile) => (exploration ?? 0) > 0),
    ),
    strays: (exploration) => ({
      share: Math.min(1, 3 * exploration),
      who: "a router that strays three times as often",
    }),
    trials: 1,
    manyAnyway: true,
    trial: (lab) => sendPairs(lab, 1_000),
  }),
];
