/** LOAD: how long a request stays in the declared load window, in real time too. */
import type { Case } from "../../case.ts";
import type { Lab } from "../../lab.ts";
import { loadSignal } from "../../oracle/load-signal.ts";
import { WINDOW_EDGE_MS } from "../../oracle/request-load.ts";
import type { RouterProfile } from "../../router-profile.ts";
import { all, busyOwner, claimed, coldReachable, countableLoad, loadDecides, no, prefixAware } from "../claims.ts";
import { maxBusy } from "../trials/lead.ts";
import { probeLabel } from "../trials/judged-probe.ts";
import { routingCase } from "../trials/routing-case.ts";
import { trunk } from "../trials/shape.ts";

const CELLS = 2;

const windowed = all(
  prefixAware,
  loadDecides,
  coldReachable,
  countableLoad,
  busyOwner,
  claimed("load.signal window", ({ load }: RouterProfile) => load?.signal === "window"),
);

/** As late as a request surely counts. */
const lateMs = (profile: RouterProfile): number =>
  Math.max(0, (loadSignal(profile)?.windowMs ?? 0) - 2 * WINDOW_EDGE_MS);

/** Requests that one pod gets for their prefix: it leads by so many while they count. */
async function sendToOwner(lab: Lab): Promise<void> {
  const prompt = trunk(lab.corpus.namespace(), CELLS);
  for (let sent = 0; sent < maxBusy(lab.profile, lab.pods().length); sent++)
    await lab.send(prompt, { label: "owner's" });
}

/** As many as there are pods, and as long as those before. */
async function askFresh(lab: Lab): Promise<void> {
  for (let probes = lab.pods().length; probes > 0; probes--) {
    await lab.send(trunk(lab.corpus.namespace(), CELLS), { label: probeLabel("any") });
  }
}

export const windowCases: readonly Case[] = [
  routingCase({
    id: "LOAD-15",
    level: "declared-MUST",
    requirement: "R-LOAD-15",
    title: "A request MUST NOT count as load once it is over and the declared load window has passed.",
    needs: { drains: true },
    unsupported: windowed,
    blame: { load: "load-counted-too-long" },
    trials: 1,
    trial: async (lab) => {
      await sendToOwner(lab);
      await lab.drain();
      // Each pod in its turn is the idle one; to a router that still counts, the owner never is.
      await askFresh(lab);
    },
  }),
  routingCase({
    id: "LOAD-18",
    level: "declared-MUST",
    requirement: "R-LOAD-11",
    title: "A request that is over MUST count as load for as long as the declared load window lasts.",
    needs: { clockMs: lateMs },
    unsupported: all(windowed, (profile) =>
      lateMs(profile) < 2 * WINDOW_EDGE_MS
        ? no("the load window is too short to tell its end from its beginning")
        : undefined,
    ),
    blame: { load: "load-forgotten-too-early" },
    trials: 1,
    trial: async (lab) => {
      await sendToOwner(lab);
      await lab.advance(lateMs(lab.profile));
      // To a router that counts it no longer, the owner is as idle as the others.
      await askFresh(lab);
    },
  }),
];
