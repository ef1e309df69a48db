/** LOAD-28: a pod that has many requests is told from one that has a few less. */
import type { Case } from "../../case.ts";
import type { Held } from "../../lab.ts";
import { all, coldReachable, countsInFlight, loadDecides } from "../claims.ts";
import { probeLabel } from "../trials/judged-probe.ts";
import { routingCase } from "../trials/routing-case.ts";
import { noticed } from "./load.ts";

/** On each pod, more than a router that stops early would count. */
const HELD_ON_EACH = 16;
const ENDED = 5;
/** All of them must come to the pod on which so many ended. */
const PROBES = ENDED - 1;

export const manyRequestCases: readonly Case[] = [
  routingCase({
    id: "LOAD-28",
    level: "declared-MUST",
    requirement: "R-LOAD-28",
    title: "A request MUST count as load of a pod that has many already.",
    unsupported: all(loadDecides, coldReachable, countsInFlight),
    blame: { load: "many-requests-counted-as-few" },
    // On another pod each time: whoever prefers one of equal pods is right once.
    trials: 2,
    trial: async (lab, index) => {
      const fresh = () => lab.corpus.namespace().prompt([]);
      const held: Held[] = [];
      for (let count = HELD_ON_EACH * lab.pods().length; count > 0; count--)
        held.push(await lab.hold(fresh(), { label: "busy" }));
      const eased = held.filter(({ step }) => step.pod === lab.pods()[index]);
      for (const each of eased.slice(0, ENDED)) await each.release();
      await noticed(lab);
      for (let probe = 0; probe < PROBES; probe++) await lab.hold(fresh(), { label: probeLabel("any") });
    },
  }),
];
