/** LOAD-15: what has left the declared load window. */
import type { Case } from "../../case.ts";
import type { RouterProfile } from "../../router-profile.ts";
import { all, busyOwner, claimed, coldReachable, countableLoad, loadDecides, prefixAware } from "../claims.ts";
import { maxBusy } from "../trials/busy.ts";
import { probeLabel } from "../trials/judged-probe.ts";
import { routingCase } from "../trials/routing-case.ts";
import { trunk } from "../trials/shape.ts";

const CELLS = 2;

export const windowCases: readonly Case[] = [
  routingCase({
    id: "LOAD-15",
    level: "declared-MUST",
    requirement: "R-LOAD-15",
    title: "A request MUST NOT count as load once it is over and the declared load window has passed.",
    needs: { drains: true },
    unsupported: all(
      prefixAware,
      loadDecides,
      coldReachable,
      countableLoad,
      busyOwner,
      claimed("load.signal window", ({ load }: RouterProfile) => load?.signal === "window"),
    ),
    blame: { load: "load-counted-too-long" },
    trials: 1,
    trial: async (lab) => {
      const prompt = trunk(lab.corpus.namespace(), CELLS);
      for (let sent = 0; sent < maxBusy(lab.profile, lab.pods().length); sent++) {
        await lab.send(prompt, { label: "owner's" });
      }
      await lab.drain();
      // Each pod in its turn is the idle one; to a router that still counts, the owner never is.
      for (let probes = lab.pods().length; probes > 0; probes--) {
        await lab.send(trunk(lab.corpus.namespace(), CELLS), { label: probeLabel("any") });
      }
    },
  }),
];
