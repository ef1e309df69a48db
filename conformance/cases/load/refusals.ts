/** LOAD-13, LOAD-21, LOAD-22: what a pod refused, passed on or never answered is not on that pod. */
import type { Case } from "../../case.ts";
import type { Prompt } from "../../corpus/corpus.ts";
import type { Lab } from "../../lab.ts";
import type { RouterProfile } from "../../router-profile.ts";
import { all, claimed, coldReachable, countsInFlight, loadDecides, prefixAware } from "../claims.ts";
import { backMs, backSoon, comesBack } from "../trials/comes-back.ts";
import { completionBody, exchange, httpOf, PATIENCE_MS } from "../trials/exchange.ts";
import { probeLabel } from "../trials/judged-probe.ts";
import { LATE_RELEASES } from "../trials/busy.ts";
import { holdOnEveryPod, noticed } from "./load.ts";
import { REFUSED } from "../trials/judge-service.ts";
import { routingCase } from "../trials/routing-case.ts";
import { trunk } from "../trials/shape.ts";

/** With three pods, one of them owns at least a third. */
const PROMPTS = 12;
/** So many on one pod, and none there in truth: the next two prompts must go to it, wherever the others went. */
const TRIED_AGAIN = 4;
/** One more than evens with the pods that are held: those tie, and chance may then pick the right one. */
const SILENT = LATE_RELEASES + 2;
const TRIED = "tried again";

const asOwner = all(prefixAware, loadDecides, coldReachable, countsInFlight);
/** A status on which a retry is declared. */
const retriedStatus = ({ retry }: RouterProfile): number | undefined =>
  retry !== undefined && retry.max > 0 ? retry.on.find((on) => on !== "connect") : undefined;

export const refusalCases: readonly Case[] = [
  routingCase({
    id: "LOAD-13",
    level: "declared-MUST",
    requirement: "R-LOAD-3",
    title: "A request whose pod refused the connection MUST no longer count as load.",
    needs: { transport: "http", scriptedPods: true, happenings: ["stopped-pod"] },
    unsupported: all(asOwner, comesBack),
    blame: { load: "refused-requests-still-counted" },
    trials: 1,
    trial: async (lab) => {
      const [pod, prompts] = await ownedByOne(lab);
      const http = httpOf(lab);
      await http.pods.setUp(pod, false);
      for (const prompt of prompts) await lab.send(prompt, { label: REFUSED });
      await http.pods.setUp(pod, true);
      await http.wait(backMs(lab.profile));
      await holdOnEveryPod(lab);
    },
  }),
  routingCase({
    id: "LOAD-21",
    level: "declared-MUST",
    requirement: "R-LOAD-21",
    title: "A request that was tried again MUST count as load of the pod that serves it, and of no other.",
    needs: { transport: "http", scriptedPods: true, happenings: ["failed-answer"] },
    unsupported: all(
      asOwner,
      claimed("retry on a status", (profile) => retriedStatus(profile) !== undefined),
      backSoon,
    ),
    blame: { load: "retried-requests-counted-elsewhere" },
    trials: 2,
    trial: async (lab) => {
      const [, [wellKnown, ...prompts]] = await ownedByOne(lab);
      const firstStatus = retriedStatus(lab.profile) ?? 0;
      for (const prompt of prompts.slice(0, TRIED_AGAIN)) {
        await lab.hold(prompt, { label: TRIED, firstStatus });
        // A success in between: a router may lock out a pod that fails several times in a row.
        if (wellKnown !== undefined) await lab.send(wellKnown, { label: "between" });
      }
      await httpOf(lab).wait(backMs(lab.profile));
      await noticed(lab);
      // Two must come to it; of as many again, no more than to the others.
      for (let probe = 0; probe < 2 * TRIED_AGAIN; probe++) {
        await lab.hold(lab.corpus.namespace().prompt([]), { label: probeLabel("any") });
      }
    },
  }),
  routingCase({
    id: "LOAD-22",
    level: "declared-MUST",
    requirement: "R-LOAD-3",
    title: "A request that was given up because its pod did not begin to answer MUST no longer count as load.",
    needs: {
      transport: "http",
      scriptedPods: true,
      happenings: ["failed-answer"],
      waitMs: ({ timeouts }) => timeouts?.firstByteMs ?? 0,
    },
    unsupported: all(
      asOwner,
      comesBack,
      claimed("timeouts.firstByteMs", ({ timeouts }) => timeouts?.firstByteMs !== undefined),
    ),
    blame: { load: "timed-out-requests-still-counted" },
    trials: 1,
    trial: async (lab) => {
      const [, prompts] = await ownedByOne(lab);
      const { firstByteMs = 0 } = lab.profile.timeouts ?? {};
      const timeoutMs = 2 * firstByteMs + PATIENCE_MS;
      await Promise.all(
        prompts.slice(0, SILENT).map(({ text: prompt }) => {
          const body = completionBody(lab, { prompt });
          return exchange(lab, { label: "silence", body, reply: { kind: "hang" }, timeoutMs });
        }),
      );
      await httpOf(lab).wait(backMs(lab.profile));
      // A breaker that is half open lets one at a time through until it has seen a success.
      for (const prompt of prompts) await lab.send(prompt, { label: "between" });
      await holdOnEveryPod(lab);
    },
  }),
];

/** Prompts whose owner is one pod, which a router that has not noticed yet asks although it is gone. */
async function ownedByOne(lab: Lab): Promise<readonly [pod: string, prompts: readonly Prompt[]]> {
  const owned = new Map(lab.pods().map((pod) => [pod, [] as Prompt[]]));
  for (let left = PROMPTS; left > 0; left--) {
    const prompt = trunk(lab.corpus.namespace(), 2);
    const { pod } = await lab.send(prompt, { label: "seed" });
    if (pod !== null) owned.get(pod)?.push(prompt);
  }
  return [...owned].reduce((a, b) => (b[1].length > a[1].length ? b : a));
}
