/** STR-24, STR-25: an answer may take its time before it begins. */
import type { Case } from "../../case.ts";
import type { RouterProfile } from "../../router-profile.ts";
import { no } from "../claims.ts";
import type { PodScript } from "../../http-lab/scripted-pods.ts";
import type { Lab } from "../../lab.ts";
import {
  EMPTY_ANSWER,
  EVENT_STREAM,
  exchange,
  type ExchangeOptions,
  httpOf,
  newRequestId,
  PATIENCE_MS,
} from "../trials/exchange.ts";
import { httpCase, unreached } from "../trials/http-case.ts";
import { chunk, DONE, streamed } from "../trials/stream-text.ts";

const STEP_MS = 1_000;
/** Clocks and timers differ a little. */
const ALMOST = 0.9;
type Answer = Extract<PodScript["reply"], { readonly kind: "respond" }>;

const STREAM: Answer = {
  kind: "respond",
  status: 200,
  headers: EVENT_STREAM,
  body: [chunk("late", "stop"), DONE],
};

export const lateAnswerCases: readonly Case[] = [
  lateAnswer({
    id: "STR-24",
    level: "MUST",
    requirement: "R-STR-24",
    title: "An answer that begins after three seconds MUST be waited for, streamed or whole.",
    lateMs: 3_000,
  }),
  lateAnswer({
    id: "STR-25",
    level: "SHOULD",
    requirement: "R-STR-24",
    title: "An answer that begins after more than a minute SHOULD be waited for, streamed or whole.",
    lateMs: 65_000,
    slow: true,
  }),
];

interface LateAnswer extends Pick<Case, "id" | "level" | "requirement" | "title"> {
  readonly lateMs: number;
  readonly slow?: true;
}

function lateAnswer({ lateMs, slow, ...rest }: LateAnswer): Case {
  return httpCase({
    ...rest,
    needs: { happenings: ["scripted-answer"], ...(slow === undefined ? {} : { slow }) },
    unsupported: ({ timeouts }: RouterProfile) =>
      (timeouts?.firstByteMs ?? Infinity) < 2 * lateMs ? no("the router claims to wait no longer") : undefined,
    traffic: async (lab) => {
      await Promise.all([
        askLate(lab, lateMs, { label: "whole" }, EMPTY_ANSWER),
        askLate(lab, lateMs, { label: "streamed", body: streamed(lab) }, STREAM),
      ]);
    },
    missing: (exchanges) =>
      unreached(exchanges) ??
      (exchanges.some(({ durationMs }) => durationMs < ALMOST * lateMs) ? "an answer began at once" : undefined),
    finding: (exchanges) => {
      const lost = exchanges.find(({ status, attempts }) => status !== 200 && attempts.length > 0);
      if (lost === undefined) return undefined;
      return {
        reason: "late-answer-given-up",
        detail: `an answer, ${lost.label}, that its pod would have begun after ${lateMs / 1_000} s got status ${lost.status} after ${(lost.durationMs / 1_000).toFixed(1)} s (${lost.end})`,
        expected: ["200"],
        observed: [String(lost.status)],
      };
    },
  });
}

/** The pod begins to answer so long after it has the request, and sooner where the router gives up. */
async function askLate(lab: Lab, lateMs: number, options: ExchangeOptions, answer: Answer): Promise<void> {
  const { pods } = httpOf(lab);
  const requestId = newRequestId(lab);
  const reply = { ...answer, begins: `late ${requestId}` };
  const asked = exchange(lab, { ...options, reply, timeoutMs: lateMs + PATIENCE_MS }, requestId);
  await pods.waitUntil(requestId, (seen) => seen.length > 0, PATIENCE_MS).catch(() => undefined);
  const isOver = asked.then(() => true);
  for (let passedMs = 0; passedMs < lateMs; passedMs += STEP_MS) {
    if (await Promise.race([isOver, lab.advance(STEP_MS).then(() => false)])) break;
  }
  pods.release(reply.begins);
  await asked;
}
