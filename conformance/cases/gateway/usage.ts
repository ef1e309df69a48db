/** STR-10: who pays by the token reads what the pod counted. */
import { isDeepStrictEqual } from "node:util";
import type { Case } from "../../case.ts";
import { completionBody, EVENT_STREAM, exchange } from "../trials/exchange.ts";
import { httpCase, unreached } from "../trials/http-case.ts";

/** Numbers that no one computes from the text: a router that counts by itself is found out. */
const USAGE = {
  prompt_tokens: 1_017,
  total_tokens: 1_020,
  completion_tokens: 3,
  prompt_tokens_details: { cached_tokens: 1_008 },
};
const UNASKED = "streamed without a wish";
const CHOICE = { index: 0, text: "one", logprobs: null, finish_reason: "stop", stop_reason: null };
const answer = (choices: readonly unknown[]): object => ({
  id: "cmpl-1",
  object: "text_completion",
  created: 1,
  model: "m",
  choices,
});

export const usageCases: readonly Case[] = [
  httpCase({
    id: "STR-10",
    level: "MUST",
    requirement: "R-STR-10",
    title: "A client's wish for a usage count MUST reach the pod, and the pod's count the client, streamed or not.",
    traffic: async (lab) => {
      await exchange(lab, {
        label: "whole",
        reply: {
          kind: "respond",
          status: 200,
          headers: [["content-type", "application/json"]],
          body: [JSON.stringify({ ...answer([CHOICE]), usage: USAGE })],
        },
      });
      await exchange(lab, {
        label: "streamed",
        body: completionBody(lab, { stream: true, stream_options: { include_usage: true } }),
        reply: {
          kind: "respond",
          status: 200,
          headers: EVENT_STREAM,
          body: [answer([CHOICE]), { ...answer([]), usage: USAGE }]
            .map((event) => `data: ${JSON.stringify(event)}\n\n`)
            .concat("data: [DONE]\n\n"),
        },
      });
      // Answered by the pod itself: it counts where it is asked to.
      await exchange(lab, { label: UNASKED, body: completionBody(lab, { stream: true }) });
    },
    missing: unreached,
    finding: (exchanges) => {
      const changed = exchanges.find(
        ({ label, attempts, body }) =>
          label !== UNASKED && attempts.length > 0 && !isDeepStrictEqual(counts(usageIn(body)), counts(USAGE)),
      );
      if (changed !== undefined) {
        return {
          reason: "usage-changed",
          detail: `${changed.label}: the pod counted ${JSON.stringify(USAGE)}, the client got ${JSON.stringify(usageIn(changed.body)) ?? "nothing"}`,
        };
      }
      const unasked = exchanges.find(({ label }) => label === UNASKED)?.body ?? "";
      if (usageIn(unasked) !== undefined) {
        return { reason: "usage-not-wanted", detail: "a client that asked for no usage count got one in its stream" };
      }
      const asked = exchanges.find(({ label }) => label === "streamed")?.attempts[0]?.body;
      if (asked === undefined || asked.includes('"include_usage"')) return undefined;
      return { reason: "usage-not-asked", detail: "the client asked for a usage count and the pod did not hear of it" };
    },
  }),
];

/** The count in a JSON answer, or in the last event of a stream that has one. */
function usageIn(body: string): unknown {
  const documents = body.startsWith("data:")
    ? body.split("\n\n").map((event) => event.replace(/^data: ?/, ""))
    : [body];
  return documents
    .flatMap((text) => (text.includes('"usage"') ? [parsed(text)?.["usage"]] : []))
    .findLast((usage) => usage);
}

/** What is counted, by its path, in whatever order it stands; a null counts nothing. */
function counts(usage: unknown, path = ""): ReadonlySet<string> {
  if (usage === null || usage === undefined) return new Set();
  if (typeof usage !== "object") return new Set([`${path} ${JSON.stringify(usage)}`]);
  return new Set(Object.entries(usage).flatMap(([key, value]) => [...counts(value, `${path}/${key}`)]));
}

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch {
    return undefined;
  }
}
