/** LOAD-17: a pod is busy with a request before it says anything. */
import type { Case } from "../../case.ts";
import { all, claimed, coldReachable, loadDecides } from "../claims.ts";
import { probeLabel } from "../trials/judged-probe.ts";
import { routingCase } from "../trials/routing-case.ts";

export const unansweredCases: readonly Case[] = [
  routingCase({
    id: "LOAD-17",
    level: "declared-MUST",
    requirement: "R-LOAD-17",
    title: "A request MUST count as load before its pod has begun to answer.",
    needs: { transport: "http", scriptedPods: true },
    unsupported: all(
      loadDecides,
      coldReachable,
      claimed("load.signal in-flight", ({ load }) => load?.signal === "in-flight"),
    ),
    blame: { load: "unanswered-requests-not-counted" },
    // A router that counts none of them finds three idle pods in a row by luck twice in nine trials.
    trials: 12,
    trial: async (lab) => {
      await lab.quiet();
      for (const _pod of lab.pods()) {
        await lab.hold(lab.corpus.namespace().prompt([]), { label: probeLabel("any"), silent: true });
      }
    },
  }),
];
