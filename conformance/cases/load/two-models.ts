/** LOAD: two models on one fleet: what one of them does is seen by the other, or is none of its business. */
import type { Case } from "../../case.ts";
import type { Lab } from "../../lab.ts";
import type { RouterProfile } from "../../router-profile.ts";
import { all, claimed, coldReachable, countableLoad, learnsModels, loadDecides } from "../claims.ts";
import { inLooks } from "../trials/looks.ts";
import { probeLabel } from "../trials/judged-probe.ts";
import { routingCase } from "../trials/routing-case.ts";
import { evenlySpread, FRESH_PER_LOOK, judgeFresh } from "../trials/spread.ts";

const fresh = (lab: Lab) => lab.corpus.namespace().prompt([]);

export const twoModelCases: readonly Case[] = [
  routingCase({
    id: "LOAD-14",
    level: "declared-MUST",
    requirement: "R-LOAD-14",
    title: "Requests for another model on the same pod MUST count as its load.",
    needs: { models: 2 },
    unsupported: all(
      loadDecides,
      coldReachable,
      countableLoad,
      claimed("isolation.model true", ({ isolation }: RouterProfile) => isolation?.model === true),
    ),
    blame: { load: "another-models-requests-not-counted" },
    trial: async (lab) => {
      const [model = "", other = ""] = lab.models;
      const hold = (asked: string) => lab.hold(fresh(lab), { label: probeLabel("any"), model: asked });
      // One pod is left idle, and must be the one that gets the next prompt.
      for (let busy = 1; busy < lab.pods().length; busy++) await hold(other);
      await hold(model);
    },
  }),
  {
    id: "LOAD-16",
    level: "declared-MUST",
    requirement: "R-LOAD-16",
    title:
      "Prompts without a match for one model MUST be spread evenly over its idle pods while prompts for another come in between.",
    needs: {
      transport: "any",
      load: true,
      // A turn that both take part in passes by every second pod of four.
      fleet: [...Array.from({ length: 4 }, () => ({ models: [0] })), { models: [1] }, { models: [1] }],
    },
    unsupported: all(coldReachable, evenlySpread, learnsModels),
    traffic: async (lab) => {
      const [model = "", other = ""] = lab.models;
      const once = async (): Promise<void> => {
        for (let index = 0; index < FRESH_PER_LOOK; index++) {
          await lab.send(fresh(lab), { label: "fresh", model });
          await lab.send(fresh(lab), { label: "in-between", model: other });
        }
      };
      await inLooks(lab, once, judgeFresh);
    },
    judge: judgeFresh,
  },
];
