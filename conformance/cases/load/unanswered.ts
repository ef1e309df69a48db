/** LOAD-17, LOAD-23, LOAD-25, LOAD-27: a pod is busy with a request before it says anything, and whatever it is to say. */
import type { Case } from "../../case.ts";
import type { Prompt } from "../../corpus/corpus.ts";
import type { Held, Lab } from "../../lab.ts";
import { all, coldReachable, countsInFlight, loadDecides, prefixAware } from "../claims.ts";
import { endsShow, outOfStep } from "../trials/busy.ts";
import { asIds } from "../trials/id-prompts.ts";
import { probeLabel } from "../trials/judged-probe.ts";
import { routingCase } from "../trials/routing-case.ts";
import { endOnOnePod, holdOnEveryPod } from "./load.ts";

const countsEach = all(loadDecides, coldReachable, countsInFlight);

export const unansweredCases: readonly Case[] = [
  routingCase({
    id: "LOAD-17",
    level: "declared-MUST",
    requirement: "R-LOAD-17",
    title: "A request MUST count as load before its pod has begun to answer.",
    needs: { transport: "http", scriptedPods: true },
    unsupported: countsEach,
    blame: { load: "unanswered-requests-not-counted" },
    // A router that counts none of them finds three idle pods in a row by luck twice in nine trials.
    trials: 12,
    trial: async (lab) => {
      await lab.quiet();
      for (const _pod of lab.pods()) {
        await lab.hold(lab.corpus.namespace().prompt([]), { label: probeLabel("any"), silent: true });
        // Who takes turns among pods that look idle would find one idle each time. Where ends do not show, what ended would blur.
        if (endsShow(lab)) await outOfStep(lab);
        await lab.quiet();
      }
    },
  }),
  routingCase({
    id: "LOAD-23",
    level: "declared-MUST",
    requirement: "R-LOAD-23",
    title: "A request MUST count as load whether it is a completion or a chat, and whether it is streamed or not.",
    needs: { transport: "http", scriptedPods: true, chats: true },
    unsupported: countsEach,
    blame: { load: "some-requests-not-counted" },
    trials: 3,
    trial: (lab) =>
      holdMany(lab, () => {
        const namespace = lab.corpus.namespace();
        return lab.random.below(2) === 0 ? namespace.prompt([]) : namespace.chat([{ role: "user", cells: [] }]);
      }),
  }),
  routingCase({
    id: "LOAD-25",
    level: "declared-MUST",
    requirement: "R-LOAD-23",
    title: "A request MUST count as load whether its prompt is given as text or as token ids.",
    needs: { idPrompts: true },
    unsupported: countsEach,
    blame: { load: "id-prompts-not-counted" },
    trials: 3,
    trial: (lab) =>
      holdMany(lab, () => (lab.random.below(2) === 0 ? lab.corpus.namespace().prompt([]) : asIds(lab, 1))),
  }),
  routingCase({
    id: "LOAD-27",
    level: "declared-MUST",
    requirement: "R-LOAD-3",
    title: "A request whose client went away before its pod began to answer MUST no longer count as load.",
    needs: { transport: "http", scriptedPods: true, clientsLeave: true },
    unsupported: all(prefixAware, countsEach),
    blame: { load: "early-leavers-still-counted" },
    trials: 1,
    trial: async (lab) => {
      await endOnOnePod(lab, 8, async (inLab, prompt) => {
        const held = await inLab.hold(prompt, { label: "aborted", silent: true });
        await held.release("aborted");
      });
      await holdOnEveryPod(lab);
    },
  }),
];

/** Holds fresh prompts, streamed or not: each must go to a least loaded pod. */
async function holdMany(lab: Lab, fresh: () => Prompt): Promise<void> {
  const held: Held[] = [];
  for (let index = 0; index < 24; index++) {
    const body = { stream: lab.random.below(2) === 0 };
    held.push(await lab.hold(fresh(), { label: probeLabel("any"), body }));
    // Ends in no order, so that no turn looks like counting.
    if (held.length > 4 && lab.random.below(2) === 0) {
      await held.splice(lab.random.below(held.length), 1)[0]?.release();
    }
  }
}
