/** POD: pods that fail and recover, and pods that leave while they answer. */
import type { Case } from "../../case.ts";
import { ALL_PATHS } from "../../http-lab/scripted-pods.ts";
import type { Lab } from "../../lab.ts";
import { all, claimed, prefixAware, separable } from "../claims.ts";
import { backMs, comesBack } from "../trials/comes-back.ts";
import { exchange, exchangeTogether, httpOf, newRequestId, noted, utf8 } from "../trials/exchange.ts";
import { httpCase, unreached } from "../trials/http-case.ts";
import { REFUSED } from "../trials/judge-service.ts";
import { routingCase } from "../trials/routing-case.ts";
import { askOwners, byPrompts, teach } from "../trials/taught-prompts.ts";

const REQUESTS = 24;
const SICK = "while it is unhealthy";
const WELL = "when it is well again";
const REMOVED = "the pod was removed";
const PATIENCE_MS = 5_000;
const EVENTS = ["content-type", "text/event-stream; charset=utf-8"] as const;
const FIRST = 'data: {"choices":[{"index":0,"text":"begun","finish_reason":null}]}\n\n';
const LAST = 'data: {"choices":[{"index":0,"text":" done","finish_reason":"stop"}]}\n\ndata: [DONE]\n\n';

export const podHealthCases: readonly Case[] = [
  httpCase({
    id: "POD-13",
    level: "declared-MUST",
    requirement: "R-POD-13",
    title:
      "Within the declared time a pod that calls itself unhealthy MUST get no more requests, and one that is well again MUST get some.",
    needs: {
      anyPod: false,
      clockMs: ({ discovery, recoveryMs = 0 }) => Math.max(discovery?.healthMs ?? 0, recoveryMs),
    },
    unsupported: claimed("discovery.healthMs", ({ discovery }) => discovery?.healthMs !== undefined),
    traffic: async (lab) => {
      const { pods } = httpOf(lab);
      const { discovery, recoveryMs = 0 } = lab.profile;
      const healthMs = discovery?.healthMs ?? 0;
      const sick = lab.random.pick(lab.pods());
      lab.note("sick", sick);
      pods.setPage(ALL_PATHS, { kind: "status", status: 503 }, sick);
      await lab.advance(healthMs);
      await exchangeTogether(lab, REQUESTS, SICK);
      pods.setPage(ALL_PATHS, undefined, sick);
      await lab.advance(Math.max(healthMs, recoveryMs));
      await exchangeTogether(lab, REQUESTS, WELL);
    },
    finding: (exchanges, _profile, observation) => {
      const sick = noted(observation, "sick");
      const on = (label: string) =>
        exchanges.filter((each) => each.label === label && each.attempts.some(({ pod }) => pod === sick));
      const [stray] = on(SICK);
      if (stray !== undefined) {
        return {
          reason: "unhealthy-pod-used",
          detail: `${on(SICK).length} of ${REQUESTS} requests reached ${String(sick)}, which answered everything with 503 for the declared time; the first ended with status ${stray.status}`,
        };
      }
      const lost = exchanges.find(({ status }) => status !== 200);
      if (lost !== undefined) {
        return {
          reason: "request-not-served",
          detail: `${lost.label}: status ${lost.status} although two pods were well`,
        };
      }
      if (on(WELL).length > 0) return undefined;
      return {
        reason: "recovered-pod-not-used",
        detail: `none of ${REQUESTS} requests at once went to ${String(sick)} after it had been well again for the declared time`,
      };
    },
  }),
  httpCase({
    id: "POD-14",
    level: "SHOULD",
    requirement: "R-POD-14",
    title: "A stream that is open on a pod when the pod is removed SHOULD be passed on to its end.",
    needs: { podChanges: ["remove"], outlivesChanges: true },
    traffic: async (lab) => {
      const { pods } = httpOf(lab);
      const id = newRequestId(lab);
      const body = [FIRST, { wait: REMOVED }, LAST];
      const reply = { kind: "respond", status: 200, headers: [EVENTS], body } as const;
      // It stays open until the router has taken note.
      const timeoutMs = (lab.profile.discovery?.convergenceMs ?? 0) + 2 * PATIENCE_MS;
      const stream = exchange(lab, { label: "stream", reply, timeoutMs }, id);
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
  routingCase({
    id: "POD-15",
    level: "MUST",
    requirement: "R-POD-15",
    title: "When a pod fails and comes back, prompts of the other pods MUST still be followed.",
    needs: { transport: "http", scriptedPods: true, happenings: ["stopped-pod"] },
    unsupported: all(prefixAware, separable, comesBack),
    blame: { owner: "forgot-when-a-pod-recovered" },
    trials: 1,
    trial: async (lab) => {
      const http = httpOf(lab);
      const taught = await teach(lab);
      const failing = byPrompts(lab, taught).at(-1) ?? "";
      await http.pods.setUp(failing, false);
      for (const { prompt } of taught.filter(({ owner }) => owner === failing))
        await lab.send(prompt, { label: REFUSED });
      await holdEverywhere(lab, REFUSED);
      await http.pods.setUp(failing, true);
      const backBy = lab.nowMs() + backMs(lab.profile);
      while (!(await holdEverywhere(lab, "again")).includes(failing) && lab.nowMs() < backBy) await http.wait(LOOK_MS);
      await askOwners(
        lab,
        taught.filter(({ owner }) => owner !== failing),
      );
    },
  }),
];

const LOOK_MS = 500;

/** Twice as many as there are pods, so that whoever goes by load gets round to each. Resolves to who served them. */
async function holdEverywhere(lab: Lab, label: string): Promise<readonly (string | null)[]> {
  const served: (string | null)[] = [];
  for (let index = 0; index < 2 * lab.pods().length; index++) {
    const { step } = await lab.hold(lab.corpus.namespace().prompt([]), { label });
    served.push(step.pod);
  }
  await lab.settle();
  return served;
}
