/** STR-24, STR-25: an answer may take its time before it begins. */
import type { Case } from "../../case.ts";
import type { Observation } from "../../observation.ts";
import type { RouterProfile } from "../../router-profile.ts";
import { no } from "../claims.ts";
import { EMPTY_ANSWER, EVENT_STREAM, exchange, httpOf, PATIENCE_MS } from "../trials/exchange.ts";
import { httpCase, unreached } from "../trials/http-case.ts";
import { chunk, DONE, streamed } from "../trials/stream-text.ts";

const LATE = "late";
const STEP_MS = 1_000;
const WHOLE = { ...EMPTY_ANSWER, begins: LATE };
const STREAM = {
  kind: "respond",
  status: 200,
  headers: EVENT_STREAM,
  begins: LATE,
  body: [chunk("late", "stop"), DONE],
} as const;

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
      const timeoutMs = lateMs + PATIENCE_MS;
      const asked = Promise.all([
        exchange(lab, { label: "whole", reply: WHOLE, timeoutMs }),
        exchange(lab, { label: "streamed", body: streamed(lab), reply: STREAM, timeoutMs }),
      ]);
      const isOver = asked.then(() => true);
      for (let passedMs = 0; passedMs < lateMs; passedMs += STEP_MS) {
        // Who gives up sooner need not be waited for.
        if (await Promise.race([isOver, lab.advance(STEP_MS).then(() => false)])) break;
      }
      httpOf(lab).pods.release(LATE);
      await asked;
    },
    missing: (exchanges, observation) => unreached(exchanges) ?? punctual(observation, lateMs),
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

const punctual = ({ steps }: Observation, lateMs: number): string | undefined =>
  steps.reduce((sum, step) => sum + (step.kind === "advanced" ? step.byMs : 0), 0) < lateMs
    ? "no answer began late"
    : undefined;
