/** ERR-06, ERR-08, ERR-10: pods that say nothing, that fail now and then, and that are gone. */
import type { Case } from "../../case.ts";
import { all, claimed } from "../claims.ts";
import {
  completionBody,
  EMPTY_ANSWER,
  exchange,
  httpOf,
  newRequestId,
  noted,
  PATIENCE_MS,
} from "../trials/exchange.ts";
import { type Finding, httpCase, unreached } from "../trials/http-case.ts";

export const sickPodCases: readonly Case[] = [silentPod(), flappingPod(), refusingPod()];

function silentPod(): Case {
  const TRIALS = 3;
  const SEEN_WITHIN_MS = 2_000;
  return httpCase({
    id: "ERR-06",
    level: "declared-MUST",
    requirement: "R-ERR-6",
    title: "After the declared time without a first byte, the client MUST get 504 and the pod MUST be disconnected.",
    needs: { waitMs: ({ timeouts }) => timeouts?.firstByteMs ?? 0 },
    unsupported: claimed("timeouts.firstByteMs", ({ timeouts }) => timeouts?.firstByteMs !== undefined),
    traffic: async (lab) => {
      const { pods } = httpOf(lab);
      const declaredMs = lab.profile.timeouts?.firstByteMs ?? 0;
      const silence = async (): Promise<void> => {
        const requestId = newRequestId(lab);
        // Twice the time declared, for a retry that may be declared as well, and what a busy machine needs.
        const timeoutMs = 2 * declaredMs + PATIENCE_MS / 2;
        await exchange(lab, { label: "silence", reply: { kind: "hang" }, timeoutMs }, requestId);
        const ended = await pods
          .waitUntil(requestId, (seen) => seen.every(({ ended: end }) => end !== undefined), SEEN_WITHIN_MS)
          .then(() => true)
          .catch(() => false);
        if (!ended) lab.note("still-open", requestId);
      };
      await Promise.all(Array.from({ length: TRIALS }, silence));
    },
    missing: unreached,
    finding: (exchanges, { timeouts }, observation): Finding | undefined => {
      const said = `${timeouts?.firstByteMs} ms are declared`;
      const hung = exchanges.find(({ end }) => end === "timeout");
      if (hung !== undefined) {
        return { reason: "hung-on-a-silent-pod", detail: `no answer in ${Math.round(hung.durationMs)} ms; ${said}` };
      }
      const early = exchanges.find(({ durationMs }) => durationMs < 0.9 * (timeouts?.firstByteMs ?? 0));
      if (early !== undefined) {
        return {
          reason: "gave-up-early",
          detail: `status ${early.status} after ${Math.round(early.durationMs)} ms; ${said}`,
        };
      }
      const odd = exchanges.find(({ status }) => status !== 504);
      if (odd !== undefined) {
        return {
          reason: "silent-pod-not-504",
          detail: `status ${odd.status} (${odd.end})`,
          expected: ["504"],
          observed: [String(odd.status)],
        };
      }
      if (noted(observation, "still-open") === undefined) return undefined;
      return { reason: "silent-pod-not-disconnected", detail: "the pod still works on a request that was given up" };
    },
  });
}

function flappingPod(): Case {
  const REQUESTS = 160;
  const CLIENTS = 4;
  /** Fewer and the pod was hardly used; breakers open after about five. */
  const LEAST_FAILURES = 3;
  const PROBES = 24;
  const FLAPPING = "while a pod flaps";
  const WELL = "when it is well again";
  return httpCase({
    id: "ERR-08",
    level: "SHOULD",
    requirement: "R-ERR-8",
    title:
      "A pod that fails half of its requests SHOULD cost no more of them than declared, and be used again when it is well.",
    needs: { anyPod: false, pods: 4, clockMs: ({ recoveryMs = 0 }) => recoveryMs },
    unsupported: all(
      claimed("retry", ({ retry }) => retry !== undefined),
      claimed("recoveryMs", ({ recoveryMs }) => recoveryMs !== undefined),
    ),
    traffic: async (lab) => {
      const { pods } = httpOf(lab);
      const flapping = lab.random.pick(lab.pods());
      lab.note("flapping", flapping);
      const queue = Array.from({ length: REQUESTS }, () => lab.random.below(2) === 0);
      const client = async (): Promise<void> => {
        for (let fails = queue.pop(); fails !== undefined; fails = queue.pop()) {
          const requestId = newRequestId(lab);
          pods.script({ requestId, reply: EMPTY_ANSWER });
          if (fails) pods.script({ requestId, pod: flapping, reply: { kind: "respond", status: 503, body: ["{}"] } });
          await exchange(lab, { label: FLAPPING, body: completionBody(lab) }, requestId);
        }
      };
      await Promise.all(Array.from({ length: CLIENTS }, client));
      await lab.advance(lab.profile.recoveryMs ?? 0);
      // All at once, so that whoever goes by load gets round to it.
      await Promise.all(Array.from({ length: PROBES }, () => exchange(lab, { label: WELL, reply: EMPTY_ANSWER })));
    },
    missing: (exchanges, observation) => {
      const flapping = noted(observation, "flapping");
      const failed = exchanges.flatMap(({ label, attempts, status }) =>
        label === FLAPPING && attempts.some(({ pod }) => pod === flapping) && (attempts.length > 1 || status === 503)
          ? [label]
          : [],
      );
      return failed.length < LEAST_FAILURES ? `the pod failed only ${failed.length} requests` : undefined;
    },
    finding: (exchanges, { retry }, observation) => {
      const flapping = noted(observation, "flapping");
      const retried = retry !== undefined && retry.max > 0 && retry.on.includes(503);
      const lost = exchanges.filter(
        ({ status, attempts }) => status !== 200 && (retried || !attempts.some(({ pod }) => pod === flapping)),
      );
      if (lost.length > 0) {
        return {
          reason: "flapping-pod-costs-requests",
          detail: `${lost.length} of ${exchanges.length} requests failed, ${retried ? "although 503 is declared to be retried" : "that never reached the pod that flaps"}; the first with status ${lost[0]?.status}`,
        };
      }
      const after = exchanges.filter(({ label }) => label === WELL);
      if (after.some(({ attempts }) => attempts.some(({ pod }) => pod === flapping))) return undefined;
      return {
        reason: "recovered-pod-not-used",
        detail: `none of ${after.length} requests went to ${String(flapping)} after the declared time to recover`,
      };
    },
  });
}

/** Known prompts, so that a router which has not noticed yet asks the pod that is gone. */
function refusingPod(): Case {
  const PROMPTS = 8;
  const ORPHAN = "its pod refuses";
  return httpCase({
    id: "ERR-10",
    level: "declared-MUST",
    requirement: "R-ERR-10",
    title: "Where a retry is declared for it, a request whose pod refuses the connection MUST be served by another.",
    needs: { happenings: ["stopped-pod"] },
    unsupported: claimed("retry on connect", ({ retry }) => retry?.on.includes("connect") === true && retry.max > 0),
    traffic: async (lab) => {
      const { pods } = httpOf(lab);
      const bodiesOf = new Map<string, string[]>();
      for (let prompt = 0; prompt < PROMPTS; prompt++) {
        const body = completionBody(lab);
        const { attempts } = await exchange(lab, { label: "seed", body });
        const pod = attempts.at(-1)?.pod;
        if (pod !== undefined) bodiesOf.set(pod, [...(bodiesOf.get(pod) ?? []), body]);
      }
      const [pod, bodies] = [...bodiesOf].toSorted(([, a], [, b]) => b.length - a.length)[0] ?? [];
      if (pod === undefined || bodies === undefined) return;
      await pods.setUp(pod, false);
      await Promise.all(bodies.map((body) => exchange(lab, { label: ORPHAN, body })));
      await pods.setUp(pod, true);
    },
    missing: (exchanges) =>
      exchanges.some(({ label }) => label === ORPHAN) ? undefined : "no request reached a pod that could be taken away",
    finding: (exchanges): Finding | undefined => {
      const asked = exchanges.filter(({ label }) => label === ORPHAN);
      const lost = asked.filter(({ status }) => status !== 200);
      const [first] = lost;
      if (first === undefined) return undefined;
      return {
        reason: "not-retried-elsewhere",
        detail: `${lost.length} of ${asked.length} requests were lost with one pod, although others were well`,
        expected: ["200"],
        observed: [String(first.status)],
      };
    },
  });
}
