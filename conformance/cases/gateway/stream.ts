/** STR: a stream passes through unchanged, and as it comes. */
import type { Case } from "../../case.ts";
import type { Observation } from "../../observation.ts";
import { EVENT_STREAM, exchange, httpOf, noted, PATIENCE_MS, utf8 } from "../trials/exchange.ts";
import { httpCase, unreached } from "../trials/http-case.ts";
import { chunk, DONE, streamed } from "../trials/stream-text.ts";

/** Between the halves of a letter: who reads them as one has nothing to get wrong. */
const TORN = "torn";
const TORN_MS = 200;

type Piece = string | Uint8Array | { readonly wait: string };

const EMOJI = new TextEncoder().encode("🙂");

/** Legal server-sent events that a parser is tempted to change: comments, CRLF, several data lines, a torn character. */
const ODD_EVENTS: readonly Piece[] = [
  ": a comment\n\n",
  chunk("one"),
  'data:{"no":"space after the colon"}\n\n',
  "event: note\r\ndata: carriage\r\ndata: returns\r\n\r\n",
  "data: a NUL \0 and a mark of order \ufeff inside\n\n",
  'data: {"text":"',
  EMOJI.slice(0, 2),
  { wait: TORN },
  EMOJI.slice(2),
  '"}\n\n',
  chunk("in a text, data: [DONE] is a text"),
  "id: 7\nretry: 100\ndata: id and retry\n\n",
  'data: {"choices":[],"usage":{"prompt_tokens":9007199254740993,"completion_tokens":2}}\n\n',
  chunk("", "stop"),
  DONE,
];

/** A long prompt that comes in between can hold a pod's tokens up for as long. */
const PAUSE_MS = 3_000;

/** Past any buffer: a quarter of a megabyte, in pieces of a hundred events. */
const MANY_EVENTS: readonly string[] = [
  ...Array.from({ length: 20 }, (_, piece) =>
    Array.from({ length: 100 }, (__, index) => chunk(`word${100 * piece + index}`)).join(""),
  ),
  DONE,
];
/** A router that takes its time with each piece takes more with many. */
const STREAM_MS = 30_000;
/** A stream that is silent for so long will not go on. */
const SILENCE_MS = 5_000;
const LATE = "late";

const bytesOf = (pieces: readonly Piece[]): string =>
  pieces
    .map((piece) => {
      if (typeof piece === "string") return utf8(piece);
      return "wait" in piece ? "" : Array.from(piece, (byte) => String.fromCharCode(byte)).join("");
    })
    .join("");

const STREAMS: Readonly<Record<string, readonly Piece[]>> = {
  "odd events": ODD_EVENTS,
  "many events": MANY_EVENTS,
};

const unpaused = ({ steps }: Observation): string | undefined =>
  steps.some(({ kind }) => kind === "advanced") ? undefined : "the stream did not pause";

export const streamCases: readonly Case[] = [
  httpCase({
    id: "STR-01",
    level: "MUST",
    requirement: "R-STR-1",
    title: "The bytes of a stream MUST reach the client as the pod sent them.",
    traffic: async (lab) => {
      for (const [label, body] of Object.entries(STREAMS)) {
        let lastMs = lab.nowMs();
        const exchanged = exchange(lab, {
          label,
          body: streamed(lab),
          reply: { kind: "respond", status: 200, headers: EVENT_STREAM, body },
          onData: () => {
            lastMs = lab.nowMs();
          },
          timeoutMs: STREAM_MS,
        });
        await lab.advance(TORN_MS);
        httpOf(lab).pods.release(TORN);
        const { end } = await exchanged;
        if (end === "timeout" && lab.nowMs() - lastMs < SILENCE_MS) lab.note(LATE, label);
      }
    },
    missing: (exchanges, observation) => {
      const late = noted(observation, LATE);
      if (late !== undefined) return `${JSON.stringify(late)} still came after ${STREAM_MS / 1_000} s`;
      return unreached(exchanges) ?? unpaused(observation);
    },
    finding: (exchanges, _profile, observation) => {
      for (const { label, attempts, body, end } of exchanges) {
        const sent = bytesOf(STREAMS[label] ?? []);
        if (attempts.length === 0 || (body === sent && end === "complete")) continue;
        // Late is not changed.
        if (label === noted(observation, LATE) && sent.startsWith(body)) continue;
        return {
          reason: "stream-bytes-changed",
          detail: `of ${label}, ${sent.length} bytes were sent, ${body.length} arrived (${end})`,
        };
      }
      return undefined;
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
    id: "STR-13",
    level: "MUST",
    requirement: "R-STR-13",
    title: "A stream that pauses for three seconds MUST be waited for.",
    needs: { happenings: ["scripted-answer"] },
    traffic: async (lab) => {
      const { pods } = httpOf(lab);
      const paused = exchange(lab, {
        label: "paused",
        body: streamed(lab),
        reply: {
          kind: "respond",
          status: 200,
          headers: EVENT_STREAM,
          body: [chunk("first"), { wait: "paused" }, chunk("second", "stop"), DONE],
        },
        timeoutMs: PAUSE_MS + PATIENCE_MS,
      });
      await lab.advance(PAUSE_MS);
      pods.release("paused");
      await paused;
    },
    missing: (exchanges, observation) => unreached(exchanges) ?? unpaused(observation),
    finding: ([got]) => {
      if (got === undefined || got.attempts.length === 0 || got.body.endsWith(DONE)) return undefined;
      return {
        reason: "paused-stream-cut",
        detail: `the pod paused for ${PAUSE_MS} ms in mid-stream and then went on; the client got ${got.body.length} bytes (${got.end})`,
      };
    },
  }),
];
