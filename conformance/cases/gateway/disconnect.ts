/** STR: when the client leaves, its pod is told. */
import type { Case } from "../../case.ts";
import type { Observation } from "../../observation.ts";
import {
  attemptsOf,
  completionBody,
  exchange,
  httpOf,
  newRequestId,
  PATIENCE_MS,
  type Attempt,
} from "../trials/exchange.ts";
import { goesOn, sayOn } from "../trials/abandoned-stream.ts";
import { httpCase } from "../trials/http-case.ts";
import { streamed } from "../trials/stream-text.ts";

export const disconnectCases: readonly Case[] = [
  abortCase("STR-05", "SHOULD", "R-STR-5", "before the first byte", false),
  abortCase("STR-06", "MUST", "R-STR-6", "in the middle of a stream", true),
];

/** The client leaves; the pod must be told, so that it stops computing for no one. */
function abortCase(id: string, level: Case["level"], requirement: string, when: string, midStream: boolean): Case {
  return httpCase({
    id,
    level,
    requirement,
    title: `When the client leaves ${when}, the pod ${level} be disconnected within two seconds.`,
    needs: { happenings: [midStream ? "scripted-answer" : "failed-answer"] },
    traffic: async (lab) => {
      const http = httpOf(lab);
      for (let trial = 0; trial < 3; trial++) {
        const requestId = newRequestId(lab);
        const client = new AbortController();
        const gate = `after ${requestId}`;
        const sent = exchange(
          lab,
          {
            label: "abandoned",
            body: midStream ? streamed(lab) : completionBody(lab),
            reply: midStream ? goesOn("first", gate) : { kind: "hang" },
            ...(midStream ? { onData: () => false } : {}),
            signal: client.signal,
          },
          requestId,
        );
        await http.pods.waitUntil(requestId, (seen) => seen.length > 0, PATIENCE_MS).catch(() => undefined);
        if (!midStream) client.abort();
        await sent;
        await sayOn(http, requestId, gate);
        lab.note("after-abort", attemptsOf(http, requestId));
        http.pods.release(gate);
      }
    },
    missing: (exchanges, observation) => {
      if (exchanges.some(({ end }) => end !== "client-aborted")) return "the client could not leave early";
      return abandonedAtPods(observation).length === 0 ? "no request that was abandoned had reached a pod" : undefined;
    },
    finding: (_exchanges, _profile, observation) => {
      const seen = abandonedAtPods(observation);
      const open = seen.filter(({ ended }) => ended === "open");
      if (open.length === 0) return undefined;
      return {
        reason: "disconnect-not-propagated",
        detail: `${open.length} of ${seen.length} requests were still open at their pod two seconds after the client left`,
        observed: open.map(({ pod }) => pod),
      };
    },
  });
}

/** What pods saw, two seconds later, of the requests whose client left. */
function abandonedAtPods({ steps }: Observation): readonly Attempt[] {
  return steps.flatMap((step) =>
    step.kind === "note" && step.label === "after-abort" ? (step.data as readonly Attempt[]) : [],
  );
}
