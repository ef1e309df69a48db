/** POD: pods that fail and recover, and pods that leave while they answer. */
import type { Case } from "../case.ts";
import { exchange, httpOf, newRequestId, utf8 } from "./exchange.ts";
import { httpCase, unreached } from "./http-case.ts";

const REMOVED = "the pod was removed";
const PATIENCE_MS = 5_000;
const EVENTS = ["content-type", "text/event-stream; charset=utf-8"] as const;
const FIRST = 'data: {"choices":[{"index":0,"text":"begun","finish_reason":null}]}\n\n';
const LAST = 'data: {"choices":[{"index":0,"text":" done","finish_reason":"stop"}]}\n\ndata: [DONE]\n\n';

export const podHealthCases: readonly Case[] = [
  httpCase({
    id: "POD-14",
    level: "SHOULD",
    requirement: "R-POD-14",
    title: "A stream that is open on a pod when the pod is removed SHOULD be passed on to its end.",
    needs: { podChanges: ["remove"] },
    traffic: async (lab) => {
      const { pods } = httpOf(lab);
      const id = newRequestId(lab);
      const body = [FIRST, { wait: REMOVED }, LAST];
      const reply = { kind: "respond", status: 200, headers: [EVENTS], body } as const;
      const stream = exchange(lab, { label: "stream", reply }, id);
      await pods.waitUntil(id, (seen) => seen.length > 0, PATIENCE_MS).catch(() => undefined);
      const pod = pods.seen(id).at(-1)?.pod;
      if (pod !== undefined) await lab.removePod(pod);
      pods.release(REMOVED);
      await stream;
    },
    missing: unreached,
    finding: ([stream]) => {
      if (stream === undefined || stream.attempts.length === 0) return undefined;
      if (stream.end === "complete" && stream.body === utf8(FIRST + LAST)) return undefined;
      return {
        reason: "stream-cut-by-removal",
        detail: `its pod was removed from the router and stayed alive; the client got ${stream.body.length} bytes of the stream (${stream.end})`,
      };
    },
  }),
];
