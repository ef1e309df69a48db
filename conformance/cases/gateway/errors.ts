/** ERR: failures at a pod or in a request, and what a router makes of them. */
import type { Case } from "../../case.ts";
import { makeBusy } from "../trials/busy.ts";
import { all, claimed, coldReachable, no, prefixAware, retryClaimed, separable } from "../claims.ts";
import { completionBody, exchange, httpOf, type Exchange } from "../trials/exchange.ts";
import { parseLatin } from "../trials/stream-text.ts";
import { type Finding, httpCase, unreached } from "../trials/http-case.ts";
import { probeLabel } from "../trials/judged-probe.ts";
import { routingCase } from "../trials/routing-case.ts";
import { errorBody, errorReply, errorText } from "../trials/scripted-errors.ts";
import { trunk } from "../trials/shape.ts";

const CLIENT_ERRORS = [400, 404, 422] as const;

const ALL_UP = "with all pods up";

export const errorCases: readonly Case[] = [
  httpCase({
    id: "ERR-01",
    level: "MUST",
    requirement: "R-ERR-1",
    title: "A pod that refuses connections MUST NOT make a request hang: it is served elsewhere or refused with 5xx.",
    needs: { happenings: ["stopped-pod"] },
    traffic: async (lab) => {
      const { pods } = httpOf(lab);
      const [down = ""] = lab.random.shuffle(lab.pods());
      await pods.setUp(down, false);
      for (let index = 0; index < 9; index++) {
        const { end } = await exchange(lab, { label: `with ${down} down` });
        if (end === "timeout") break;
      }
      await pods.setUp(down, true);
      // A router that refuses everything shows nothing about pods that are down.
      await exchange(lab, { label: ALL_UP });
    },
    missing: (exchanges) => unreached(exchanges.filter(({ label }) => label === ALL_UP)),
    finding: (exchanges) => {
      const hung = exchanges.find(({ status, end }) => end === "timeout" || status === 0);
      if (hung !== undefined) {
        return { reason: "hung-on-a-dead-pod", detail: `no answer in ${Math.round(hung.durationMs)} ms (${hung.end})` };
      }
      const odd = exchanges.find(({ status }) => status !== 200 && status < 500);
      if (odd === undefined) return undefined;
      return { reason: "dead-pod-blamed-on-the-client", detail: `a dead pod gave the client status ${odd.status}` };
    },
  }),
  httpCase({
    id: "ERR-04",
    level: "MUST",
    requirement: "R-ERR-4",
    title: "A pod's 4xx MUST reach the client unchanged after exactly one attempt.",
    traffic: async (lab) => {
      for (const status of CLIENT_ERRORS) {
        await exchange(lab, {
          label: String(status),
          reply: errorReply(status),
        });
      }
    },
    missing: unreached,
    finding: (exchanges) => exchanges.map(clientErrorFinding).find((found) => found !== undefined),
  }),
  httpCase({
    id: "ERR-13",
    level: "SHOULD",
    requirement: "R-ERR-13",
    title: "What a pod says with a 500 SHOULD reach the client under that status, unless a retry on it is declared.",
    unsupported: all(retryClaimed, ({ retry }) =>
      retry?.on.includes(500) === true ? no("a retry on 500 is declared") : undefined,
    ),
    traffic: async (lab) => {
      await exchange(lab, {
        label: "500",
        reply: errorReply(500),
      });
    },
    missing: unreached,
    // It may stand in an error of the router's own.
    finding: ([got]) => {
      if (got === undefined || got.attempts.length === 0) return undefined;
      if (got.attempts.length > 1) {
        return { reason: "more-attempts-than-declared", detail: `a 500 was tried at ${got.attempts.length} pods` };
      }
      if (got.status === 500 && got.body.includes(errorText(500))) return undefined;
      return {
        reason: "server-error-changed",
        detail: `a pod's 500 reached the client as ${got.status}: ${got.body.slice(0, 120)}`,
        expected: ["500"],
        observed: [String(got.status)],
      };
    },
  }),
  httpCase({
    id: "ERR-05",
    level: "MUST",
    requirement: "R-ERR-5",
    title: "A request whose answer has begun MUST NOT be sent to a pod a second time.",
    needs: { happenings: ["failed-answer"] },
    traffic: async (lab) => {
      for (let trial = 0; trial < 3; trial++) {
        await exchange(lab, {
          label: "dies after one chunk",
          body: completionBody(lab, { stream: true }),
          reply: {
            kind: "respond",
            status: 200,
            headers: [["content-type", "text/event-stream"]],
            body: ['data: {"choices":[{"index":0,"text":"first"}]}\n\n'],
            end: "reset",
          },
        });
      }
    },
    missing: unreached,
    finding: (exchanges) => {
      const repeated = exchanges.find(({ attempts }) => attempts.length > 1);
      if (repeated === undefined) return undefined;
      return {
        reason: "retried-after-first-byte",
        detail: `after the first byte ${repeated.attempts.length} pods got the request`,
        observed: repeated.attempts.map(({ pod }) => pod),
      };
    },
  }),
  httpCase({
    id: "ERR-07",
    level: "MUST",
    requirement: "R-ERR-7",
    title: "A request that is malformed MUST be refused with a 4xx, and the router MUST go on serving.",
    traffic: async (lab) => {
      const nested = `${"[".repeat(20_000)}${"]".repeat(20_000)}`;
      const bad = [
        { label: "not JSON", body: '{"model": "m", "prompt": ' },
        { label: "a bare string", body: '"prompt"' },
        { label: "no prompt", body: JSON.stringify({ model: lab.models[0], max_tokens: 4 }) },
        { label: "nested 20,000 deep", body: `{"model":${JSON.stringify(lab.models[0])},"prompt":${nested}}` },
        { label: "an empty body", body: "" },
      ];
      for (const { label, body } of bad) {
        // A router may leave the judgement of a body to its pods: they refuse it.
        await exchange(lab, {
          label,
          body,
          reply: errorReply(400),
        });
        await exchange(lab, { label: "afterwards" });
      }
    },
    finding: (exchanges) => {
      for (const { label, status, end } of exchanges) {
        if (label === "afterwards" ? status === 200 : status >= 400 && status < 500) continue;
        return {
          reason: label === "afterwards" ? "not-serving-after-bad-request" : "bad-request-not-refused",
          detail: `${label}: status ${status} (${end})`,
          expected: [label === "afterwards" ? "200" : "4xx"],
          observed: [String(status)],
        };
      }
      return undefined;
    },
  }),
  routingCase({
    id: "ERR-09",
    level: "declared-MUST",
    requirement: "R-ERR-9",
    title: "A request that failed at its pod MUST NOT make that pod an owner of its prompt.",
    unsupported: all(
      prefixAware,
      separable,
      coldReachable,
      claimed("insert.when success", ({ insert }) => insert?.when === "success"),
    ),
    blame: { load: "failed-request-owns-its-prefix" },
    trial: async (lab) => {
      const prompt = trunk(lab.corpus.namespace(), 6);
      const { pod } = await lab.send(prompt, { label: "upstream-error", upstream: { status: 500 } });
      if (pod === null) return;
      await makeBusy(lab, pod);
      await lab.send(prompt, { label: probeLabel("load") });
    },
  }),
];

/** JSON may be written in other bytes, and say more: what the pod said must stand in it. */
function sameError(body: string, sent: string): boolean {
  const [got, meant] = [body, sent].map((text) => parseLatin(text)?.["error"] as Record<string, unknown> | undefined);
  return Object.entries(meant ?? {}).every(([key, value]) => got?.[key] === value);
}

function clientErrorFinding({ label, status, body, attempts }: Exchange): Finding | undefined {
  if (attempts.length === 0) return undefined;
  if (attempts.length > 1) {
    return {
      reason: "retried-a-client-error",
      detail: `a pod's ${label} was tried at ${attempts.length} pods`,
      observed: attempts.map(({ pod }) => pod),
    };
  }
  if (String(status) === label && sameError(body, errorBody(status))) return undefined;
  return {
    reason: "client-error-changed",
    detail: `a pod's ${label} reached the client as ${status}: ${body.slice(0, 120)}`,
    expected: [label],
    observed: [String(status)],
  };
}
