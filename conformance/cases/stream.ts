/** STR: what pods and clients say to each other passes through unchanged, as it comes, and no longer than both want it. */
import type { Case } from "../case.ts";
import type { Lab } from "../lab.ts";
import {
  attemptsOf,
  completionBody,
  EVENT_STREAM,
  exchange,
  httpOf,
  newRequestId,
  noted,
  PATIENCE_MS,
  utf8,
  type Attempt,
} from "./exchange.ts";
import { type Finding, httpCase, unreached } from "./http-case.ts";

const EMOJI = new TextEncoder().encode("🙂");

const chunk = (text: string, finish: string | null = null): string =>
  `data: ${JSON.stringify({
    id: "cmpl-1",
    object: "text_completion",
    created: 1,
    model: "m",
    choices: [{ index: 0, text, logprobs: null, finish_reason: finish, stop_reason: null }],
  })}\n\n`;
const DONE = "data: [DONE]\n\n";

/** Legal server-sent events that a parser is tempted to change: comments, CRLF, several data lines, a torn character. */
const ODD_EVENTS: readonly (string | Uint8Array)[] = [
  ": a comment\n\n",
  chunk("one"),
  'data:{"no":"space after the colon"}\n\n',
  "event: note\r\ndata: carriage\r\ndata: returns\r\n\r\n",
  'data: {"text":"',
  EMOJI.slice(0, 2),
  EMOJI.slice(2),
  '"}\n\n',
  "id: 7\nretry: 100\ndata: id and retry\n\n",
  'data: {"choices":[],"usage":{"prompt_tokens":9007199254740993,"completion_tokens":2}}\n\n',
  chunk("", "stop"),
  DONE,
];

const bytesOf = (pieces: readonly (string | Uint8Array)[]): string =>
  pieces
    .map((piece) =>
      typeof piece === "string" ? utf8(piece) : Array.from(piece, (byte) => String.fromCharCode(byte)).join(""),
    )
    .join("");

const streamed = (lab: Lab): string => completionBody(lab, { stream: true });

/** What must be true of the bytes a broken stream left behind. */
/** An event whose data is an error, as OpenAI's clients look for it: the end after it fools nobody. */
function tellsError(body: string): boolean {
  const events = body.split(/\r?\n/).filter((line) => line.startsWith("data:"));
  return events.some((line) => typeof parseLatin(line.slice("data:".length))?.["error"] === "object");
}

function brokenStream(body: string, end: string, attempts: readonly Attempt[]): Finding | undefined {
  if (attempts.length > 1) {
    return {
      reason: "retried-after-first-byte",
      detail: `the stream broke after its first byte and ${attempts.length} pods got the request`,
      observed: attempts.map(({ pod }) => pod),
    };
  }
  if (end === "complete" && body.includes("[DONE]") && !tellsError(body)) {
    return {
      reason: "clean-end-after-reset",
      detail: "the pod reset the stream in the middle and the client still got a clean [DONE]",
    };
  }
  return undefined;
}

export const streamCases: readonly Case[] = [
  httpCase({
    id: "STR-01",
    level: "MUST",
    requirement: "R-STR-1",
    title: "The bytes of a stream MUST reach the client as the pod sent them.",
    traffic: async (lab) => {
      await exchange(lab, {
        label: "odd events",
        body: streamed(lab),
        reply: { kind: "respond", status: 200, headers: EVENT_STREAM, body: ODD_EVENTS },
      });
    },
    missing: unreached,
    finding: ([got]) => {
      if (got === undefined || got.attempts.length === 0) return undefined;
      if (got.body === bytesOf(ODD_EVENTS) && got.end === "complete") return undefined;
      return {
        reason: "stream-bytes-changed",
        detail: `${bytesOf(ODD_EVENTS).length} bytes were sent, ${got.body.length} arrived (${got.end})`,
      };
    },
  }),
  httpCase({
    id: "STR-02",
    level: "MUST",
    requirement: "R-STR-2",
    title: "Each piece of a stream MUST be passed on before the next one comes.",
    traffic: async (lab) => {
      const { pods } = httpOf(lab);
      await exchange(lab, {
        label: "paced",
        body: streamed(lab),
        reply: {
          kind: "respond",
          status: 200,
          headers: EVENT_STREAM,
          body: [chunk("first"), { wait: "first-seen" }, chunk("second", "stop"), DONE],
        },
        onData: (_piece, soFar) => {
          if (new TextDecoder().decode(soFar).includes("first")) pods.release("first-seen");
        },
        timeoutMs: PATIENCE_MS / 2,
      });
      pods.release("first-seen");
    },
    missing: unreached,
    finding: ([got]) => {
      if (got === undefined || got.attempts.length === 0 || got.body.includes("second")) return undefined;
      return {
        reason: "stream-buffered",
        detail: `the pod waited for its first chunk to be seen; the client got ${got.body.length} bytes in ${PATIENCE_MS / 2} ms (${got.end})`,
      };
    },
  }),
  httpCase({
    id: "STR-03",
    level: "MUST",
    requirement: "R-STR-3",
    title: "Every field of a request MUST reach the pod with its value, known to the router or not.",
    traffic: async (lab) => {
      const { text } = lab.corpus.namespace().prompt([]);
      const body = `{ "model": ${JSON.stringify(lab.models[0])},\n "prompt": ${JSON.stringify(`${text} caf\\u00e9`)}, "max_tokens": 4,
        "x_unknown": { "big": 9007199254740993, "deep": [1, [2, { "three": null }]], "flag": false }, "logit_bias": {"50256": -100}, "escaped": "\\u00fc\\ud83d\\ude42\\n" }`;
      await exchange(lab, { label: "unknown fields", body });
      lab.note("sent-body", body);
    },
    missing: unreached,
    finding: ([got], _profile, observation) => {
      const arrived = got?.attempts[0]?.body;
      if (arrived === undefined) return undefined;
      const sent = JSON.parse(String(noted(observation, "sent-body"))) as Record<string, unknown>;
      const parsed = parseLatin(arrived);
      const lost = Object.keys(sent).filter((key) => JSON.stringify(sent[key]) !== JSON.stringify(parsed?.[key]));
      // JSON.parse rounds on both sides; the digits themselves must have survived.
      if (!arrived.includes("9007199254740993")) lost.push("x_unknown.big");
      if (lost.length === 0) return undefined;
      return {
        reason: "request-body-changed",
        detail: `fields lost or changed on the way to the pod: ${lost.join(", ")}`,
        observed: lost,
      };
    },
  }),
  httpCase({
    id: "STR-04",
    level: "MUST",
    requirement: "R-STR-4",
    title:
      "The request id MUST reach the pod, and every header that is not hop-by-hop MUST reach the client, repeated ones too.",
    traffic: async (lab) => {
      const requestId = newRequestId(lab);
      await exchange(
        lab,
        {
          label: "headers",
          reply: {
            kind: "respond",
            status: 200,
            headers: [
              ["content-type", "application/json"],
              ["x-pod-custom", "kept"],
              ["set-cookie", "a=1"],
              ["set-cookie", "b=2"],
            ],
            body: ['{"choices":[]}'],
          },
        },
        requestId,
      );
      lab.note("request-id", requestId);
    },
    missing: unreached,
    finding: ([got], _profile, observation) => {
      const attempt = got?.attempts[0];
      if (got === undefined || attempt === undefined) return undefined;
      const sentId = attempt.headers.find(([name]) => name.toLowerCase() === "x-request-id")?.[1];
      const cookies = [got.headers["set-cookie"] ?? []].flat();
      const lost = [
        ...(sentId === noted(observation, "request-id") ? [] : ["x-request-id to the pod"]),
        ...(got.headers["x-pod-custom"] === "kept" ? [] : ["x-pod-custom to the client"]),
        ...(cookies.length === 2 ? [] : ["one of two set-cookie headers"]),
      ];
      if (lost.length === 0) return undefined;
      return { reason: "header-lost", detail: `lost on the way: ${lost.join(", ")}`, observed: lost };
    },
  }),
  abortCase("STR-05", "SHOULD", "R-STR-5", "before the first byte", false),
  abortCase("STR-06", "MUST", "R-STR-6", "in the middle of a stream", true),
  httpCase({
    id: "STR-07",
    level: "MUST",
    requirement: "R-STR-7",
    title: "A stream that its pod breaks off MUST NOT end as if it were whole, nor go on from another pod.",
    traffic: async (lab) => {
      for (let trial = 0; trial < 3; trial++) {
        await exchange(lab, {
          label: "broken stream",
          body: streamed(lab),
          reply: {
            kind: "respond",
            status: 200,
            headers: EVENT_STREAM,
            body: [chunk("first"), chunk("second")],
            end: "reset",
          },
        });
      }
    },
    missing: unreached,
    finding: (exchanges) =>
      exchanges
        .map(({ body, end, attempts }) => brokenStream(body, end, attempts))
        .find((found) => found !== undefined),
  }),
  httpCase({
    id: "STR-09",
    level: "MUST",
    requirement: "R-STR-3",
    title: "A prompt of a megabyte MUST reach the pod whole.",
    traffic: async (lab) => {
      const prompt = lab.corpus
        .namespace()
        .prompt(Array.from({ length: 1_650 }, (_, index) => `cell${index % 600}`)).text;
      const body = completionBody(lab, { prompt });
      await exchange(lab, {
        label: "a megabyte",
        body,
        reply: {
          kind: "respond",
          status: 200,
          headers: [["content-type", "application/json"]],
          body: ['{"choices":[]}'],
        },
        timeoutMs: 3 * PATIENCE_MS,
      });
      lab.note("prompt-length", prompt.length);
    },
    finding: ([got], _profile, observation) => {
      const arrived = parseLatin(got?.attempts[0]?.body ?? "")?.["prompt"];
      if (
        got?.status === 200 &&
        typeof arrived === "string" &&
        arrived.length === noted(observation, "prompt-length")
      ) {
        return undefined;
      }
      return {
        reason: "large-body-not-passed",
        detail: `a prompt of 1 MB got status ${got?.status ?? 0} and ${typeof arrived === "string" ? arrived.length : 0} of its characters reached a pod`,
      };
    },
  }),
];

/** The client leaves; the pod must be told, so that it stops computing for no one. */
function abortCase(id: string, level: Case["level"], requirement: string, when: string, midStream: boolean): Case {
  return httpCase({
    id,
    level,
    requirement,
    title: `When the client leaves ${when}, the pod ${level} be disconnected within two seconds.`,
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
            reply: midStream
              ? { kind: "respond", status: 200, headers: EVENT_STREAM, body: goesOn(gate) }
              : { kind: "hang" },
            ...(midStream ? { onData: () => false } : {}),
            signal: client.signal,
          },
          requestId,
        );
        await http.pods.waitUntil(requestId, (seen) => seen.length > 0, PATIENCE_MS).catch(() => undefined);
        if (!midStream) client.abort();
        await sent;
        for (let token = 0; token < TOKENS_AFTER; token++) {
          http.pods.release(`${gate}-${token}`);
          const ended = await http.pods
            .waitUntil(requestId, (seen) => seen.every(({ ended }) => ended !== undefined), TOKEN_MS)
            .then(() => true)
            .catch(() => false);
          if (ended) break;
        }
        lab.note("after-abort", attemptsOf(http, requestId));
        http.pods.release(gate);
      }
    },
    missing: (exchanges) =>
      exchanges.some(({ end }) => end !== "client-aborted") ? "the client could not leave early" : undefined,
    finding: (_exchanges, _profile, observation) => {
      const seen = observation.steps.flatMap((step) =>
        step.kind === "note" && step.label === "after-abort" ? (step.data as readonly Attempt[]) : [],
      );
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

/** Tokens keep coming, as from a real pod: a router may notice only when it has something to pass on. Two seconds. */
const TOKENS_AFTER = 20;
const TOKEN_MS = 100;

function goesOn(gate: string): (string | { readonly wait: string })[] {
  const tokens = Array.from({ length: TOKENS_AFTER }, (_, token) => [{ wait: `${gate}-${token}` }, chunk("token")]);
  return [chunk("first"), ...tokens.flat(), { wait: gate }, DONE];
}

function parseLatin(body: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(Buffer.from(body, "latin1").toString("utf8")) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
