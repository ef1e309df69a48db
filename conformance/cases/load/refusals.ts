/** LOAD-13: what a pod refused is not on that pod. */
import type { Case } from "../../case.ts";
import type { Prompt } from "../../corpus/corpus.ts";
import type { Lab } from "../../lab.ts";
import { SHORT_WINDOW_MS } from "../../oracle/load-signal.ts";
import type { RouterProfile } from "../../router-profile.ts";
import { all, claimed, coldReachable, loadDecides, no, prefixAware } from "../claims.ts";
import { httpOf } from "../trials/exchange.ts";
import { holdOnEveryPod } from "./load.ts";
import { REFUSED } from "../trials/judge-service.ts";
import { routingCase } from "../trials/routing-case.ts";
import { trunk } from "../trials/shape.ts";

/** With three pods, one of them owns at least a third. */
const PROMPTS = 12;

/** Until then a router may rightly leave out a pod that has failed. */
const backMs = ({ recoveryMs = 0, discovery }: RouterProfile): number => Math.max(recoveryMs, discovery?.healthMs ?? 0);

export const refusalCases: readonly Case[] = [
  routingCase({
    id: "LOAD-13",
    level: "declared-MUST",
    requirement: "R-LOAD-3",
    title: "A request whose pod refused the connection MUST no longer count as load.",
    needs: { transport: "http", scriptedPods: true },
    unsupported: all(
      prefixAware,
      loadDecides,
      coldReachable,
      claimed("load.signal in-flight", ({ load }) => load?.signal === "in-flight"),
      claimed("recoveryMs", ({ recoveryMs }) => recoveryMs !== undefined),
      (profile) => (backMs(profile) > SHORT_WINDOW_MS ? no("it leaves a pod that failed out for too long") : undefined),
    ),
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
