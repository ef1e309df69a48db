/** ERR: pods that shed load, what becomes of what they say of it, and of what is tried again. */
import type { Case } from "../../case.ts";
import type { RouterProfile } from "../../router-profile.ts";
import { all, claimed, followed, prefixAware, retryClaimed } from "../claims.ts";
import { exchange, httpOf, newRequestId } from "../trials/exchange.ts";
import { httpCase, unreached } from "../trials/http-case.ts";
import { askBusyOwner } from "../trials/owner-trial.ts";
import { routingCase } from "../trials/routing-case.ts";
import { trunk } from "../trials/shape.ts";
import { errorReply } from "../trials/scripted-errors.ts";

const retriesOn503 = claimed(
  "retry on 503",
  ({ retry }: RouterProfile) => retry?.on.includes(503) === true && retry.max > 0,
);

const RETRY_AFTER = "7";
const SHEDDING = ["retry-after", RETRY_AFTER] as const;

/** A header of the client's own. */
const KEPT = "x-client-note";

export const overloadCases: readonly Case[] = [
  httpCase({
    id: "ERR-02",
    level: "declared-MUST",
    requirement: "R-ERR-2",
    title: "A pod's 503 MUST NOT be tried more often than declared, and not at all where no retry is declared.",
    needs: { happenings: ["failed-answer"] },
    unsupported: retryClaimed,
    traffic: async (lab) => {
      await exchange(lab, {
        label: "503",
        reply: errorReply(503),
      });
    },
    missing: unreached,
    finding: ([got], { retry }) => {
      const most = 1 + (retry?.on.includes(503) === true ? retry.max : 0);
      if (got === undefined || got.attempts.length <= most) return undefined;
      return {
        reason: "more-attempts-than-declared",
        detail: `a 503 was tried at ${got.attempts.length} pods; ${most} declared`,
        observed: got.attempts.map(({ pod }) => pod),
      };
    },
  }),
  httpCase({
    id: "ERR-12",
    level: "declared-MUST",
    requirement: "R-ERR-12",
    title:
      "Where a retry is declared for it, a request that its pod answers with 503 MUST be tried again, and as the same.",
    needs: { happenings: ["failed-answer"] },
    unsupported: retriesOn503,
    traffic: async (lab) => {
      const requestId = newRequestId(lab);
      httpOf(lab).pods.script({
        requestId,
        times: 1,
        reply: errorReply(503),
      });
      await exchange(lab, { label: "503 once", headers: { [KEPT]: "as sent" } }, requestId);
    },
    missing: unreached,
    finding: ([got]) => {
      if (got === undefined || got.attempts.length === 0) return undefined;
      const [first, last] = [got.attempts[0], got.attempts.at(-1)].map((attempt) => ({
        kept: attempt?.headers.find(([name]) => name.toLowerCase() === KEPT)?.[1],
        body: attempt?.body,
      }));
      // What the first pod did not get either is another case's.
      if (first?.kept !== last?.kept || first?.body !== last?.body) {
        return {
          reason: "retried-as-another-request",
          detail: `of what the first pod got, the next did not get the ${first?.body === last?.body ? "headers" : "body"}`,
        };
      }
      if (got.status === 200) return undefined;
      return {
        reason: "declared-retry-not-made",
        detail: `one 503 of a pod, and the client got status ${got.status} after ${got.attempts.length} attempts`,
        expected: ["200"],
        observed: [String(got.status)],
      };
    },
  }),
  httpCase({
    id: "ERR-03",
    level: "declared-MUST",
    requirement: "R-ERR-3",
    title: "A pod's 429 MUST reach the client with its Retry-After, unless a retry on it is declared.",
    unsupported: retryClaimed,
    traffic: async (lab) => {
      await exchange(lab, {
        label: "429",
        reply: errorReply(429, SHEDDING),
      });
    },
    missing: unreached,
    finding: ([got], { retry }) => {
      if (got === undefined || got.attempts.length === 0 || retry?.on.includes(429) === true) return undefined;
      if (got.attempts.length > 1) {
        return { reason: "more-attempts-than-declared", detail: `a 429 was tried at ${got.attempts.length} pods` };
      }
      if (got.status === 429 && got.headers["retry-after"] === RETRY_AFTER) return undefined;
      return {
        reason: "shedding-swallowed",
        detail: `a pod's 429 with Retry-After ${RETRY_AFTER} reached the client as ${got.status} with ${String(got.headers["retry-after"])}`,
      };
    },
  }),
  httpCase({
    id: "ERR-14",
    level: "SHOULD",
    requirement: "R-ERR-14",
    title: "When every pod that was asked answers 503 with a Retry-After, the client SHOULD get both.",
    traffic: async (lab) => {
      await exchange(lab, { label: "503", reply: errorReply(503, SHEDDING) });
    },
    missing: unreached,
    finding: ([got]) => {
      if (got === undefined || got.attempts.length === 0) return undefined;
      const retryAfter = got.headers["retry-after"];
      if (got.status === 503 && retryAfter === RETRY_AFTER) return undefined;
      return {
        reason: "retry-after-lost",
        detail: `pods' 503 with Retry-After ${RETRY_AFTER} reached the client as ${got.status} with ${String(retryAfter)}`,
        expected: [`503, ${RETRY_AFTER}`],
        observed: [`${got.status}, ${String(retryAfter)}`],
      };
    },
  }),
  routingCase({
    id: "ERR-16",
    level: "declared-MUST",
    requirement: "R-ERR-16",
    title:
      "A prompt that was tried again MUST be learnt for the pod that served it, and not for the one that refused it.",
    needs: { transport: "http", scriptedPods: true, happenings: ["failed-answer"] },
    unsupported: all(
      prefixAware,
      followed,
      retriesOn503,
      claimed("insert.when success", ({ insert }) => insert?.when === "success"),
    ),
    blame: { owner: "retried-prompt-not-learnt-where-served" },
    trial: async (lab) => {
      const meanwhile = async (): Promise<void> => {
        await lab.quiet();
      };
      await askBusyOwner(lab, {
        seed: trunk(lab.corpus.namespace(), 4),
        seedOptions: { firstStatus: 503 },
        meanwhile,
        kind: "owner",
      });
    },
  }),
];
