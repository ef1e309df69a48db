/** STR-26: one request, written in the ways that HTTP leaves to clients. */
import type { Case } from "../../case.ts";
import type { RawConnection } from "../../http-lab/raw-exchange.ts";
import type { Lab } from "../../lab.ts";
import type { Observation } from "../../observation.ts";
import {
  attemptsOf,
  completionBody,
  EMPTY_ANSWER,
  exchange,
  httpOf,
  newRequestId,
  PATIENCE_MS,
} from "../trials/exchange.ts";
import { type Finding, httpCase, unreached } from "../trials/http-case.ts";
import { parseLatin } from "../trials/stream-text.ts";

const CRLF = "\r\n";
const PIECES_MS = 200;
/** As long as curl waits before it sends its body all the same. */
const CONTINUE_MS = 1_000;

interface Request {
  /** Without what frames the body. */
  readonly head: readonly string[];
  readonly body: string;
}

interface Way {
  readonly name: string;
  /** A server may insist on another way, with this status (RFC 9110, 15.5). */
  readonly refusal?: number;
  readonly write: (connection: RawConnection, request: Request) => Promise<void>;
}

const lengthOf = (body: string): string => `content-length: ${Buffer.byteLength(body)}`;
const wholeHead = (...lines: readonly string[]): string => [...lines, "", ""].join(CRLF);
const inChunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}${CRLF}${text}${CRLF}`;
const halves = (text: string): readonly [string, string] => [
  text.slice(0, text.length / 2),
  text.slice(text.length / 2),
];
const pause = (connection: RawConnection, ms: number) => connection.until(() => false, ms);
const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");

const WAYS: readonly Way[] = [
  {
    name: "in chunks",
    refusal: 411,
    write: async (connection, { head, body }) => {
      const [first, second] = halves(body);
      connection.write(
        wholeHead(...head, "transfer-encoding: chunked") + inChunk(first) + inChunk(second) + inChunk(""),
      );
    },
  },
  {
    name: "in pieces, with a pause between them",
    write: async (connection, { head, body }) => {
      const [first, second] = halves(body);
      connection.write(wholeHead(...head, lengthOf(body)) + first);
      await pause(connection, PIECES_MS);
      connection.write(second);
    },
  },
  {
    name: "with the names of its headers in capitals",
    write: async (connection, { head, body }) => {
      const [line, ...headers] = [...head, lengthOf(body)];
      const inCapitals = headers.map((header) => header.replace(/^[^:]+/, (name) => name.toUpperCase()));
      connection.write(wholeHead(line, ...inCapitals) + body);
    },
  },
  {
    name: "with its body after a 100 Continue",
    refusal: 417,
    write: async (connection, { head, body }) => {
      connection.write(wholeHead(...head, "expect: 100-continue", lengthOf(body)));
      await connection.until((received) => textOf(received).includes(`${CRLF}${CRLF}`), CONTINUE_MS);
      connection.write(body);
    },
  },
];

/** What came of a way. */
interface Outcome {
  readonly name: string;
  /** 0 without an answer. */
  readonly status: number;
  readonly isRefused: boolean;
  readonly isWhole: boolean;
}

const OUTCOME = "written";

async function send(lab: Lab, { name, refusal, write }: Way): Promise<void> {
  const http = httpOf(lab);
  const requestId = newRequestId(lab);
  http.pods.script({ requestId, reply: EMPTY_ANSWER });
  const body = completionBody(lab);
  const head = [
    "POST /v1/completions HTTP/1.1",
    `host: ${new URL(http.routerUrl).host}`,
    "connection: close",
    "content-type: application/json",
    `x-request-id: ${requestId}`,
    ...Object.entries(http.headers).map(([key, value]) => `${key}: ${value}`),
  ];
  const connection = await http.connect();
  await write(connection, { head, body });
  await connection.until((received) => statusIn(textOf(received)) > 0, PATIENCE_MS);
  const status = statusIn(textOf(connection.received()));
  connection.close();
  const { prompt } = JSON.parse(body) as { readonly prompt: string };
  const arrived = attemptsOf(http, requestId).map((attempt) => parseLatin(attempt.body)?.["prompt"]);
  const outcome: Outcome = {
    name,
    status,
    isRefused: status === refusal && arrived.length === 0,
    // A router that drops the id hides what arrived.
    isWhole: arrived.every((text) => text === prompt),
  };
  lab.note(OUTCOME, outcome);
}

/** Of the answer; one that only says to go on is none. */
const statusIn = (text: string): number => Number(/^HTTP\/1\.[01] ([2-5]\d\d)[\s\S]*?\r\n\r\n/m.exec(text)?.[1] ?? 0);

const outcomesIn = ({ steps }: Observation): readonly Outcome[] =>
  steps.flatMap((step) => (step.kind === "note" && step.label === OUTCOME ? [step.data as Outcome] : []));

export const wayOfWritingCases: readonly Case[] = [
  httpCase({
    id: "STR-26",
    level: "MUST",
    requirement: "R-STR-26",
    title:
      "A request MUST be served in whichever way its client writes it: in chunks, in pieces, with other letter case, after a 100 Continue.",
    traffic: async (lab) => {
      await exchange(lab, { label: "control", reply: EMPTY_ANSWER });
      for (const way of WAYS) await send(lab, way);
    },
    missing: unreached,
    finding: ([control], _profile, observation): Finding | undefined => {
      if (control?.status !== 200) return undefined;
      const odd = outcomesIn(observation).find(
        ({ status, isWhole, isRefused }) => !isRefused && !(status === 200 && isWhole),
      );
      if (odd === undefined) return undefined;
      const { name, status, isWhole } = odd;
      return {
        reason: status === 200 && !isWhole ? "request-changed-by-its-writing" : "way-of-writing-refused",
        detail: `a request written ${name} got ${status === 0 ? "no answer" : `status ${status}`}; its prompt ${isWhole ? "reached" : "did not reach"} a pod whole`,
        expected: ["200"],
        observed: [String(status)],
      };
    },
  }),
];
