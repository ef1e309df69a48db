/** STR-26, STR-27: one request, written in the ways that HTTP leaves to clients. */
import type { Case } from "../../case.ts";
import type { RawConnection } from "../../http-lab/raw-exchange.ts";
import type { Lab } from "../../lab.ts";
import type { Observation } from "../../observation.ts";
import {
  type Attempt,
  attemptsOf,
  completionBody,
  EMPTY_ANSWER,
  exchange,
  httpOf,
  newRequestId,
  PATIENCE_MS,
} from "../trials/exchange.ts";
import { rawHead } from "../trials/raw-head.ts";
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
  /** What its header says of the connection; default `close`. */
  readonly connection?: string;
  /** A server may insist on another way, with this status (RFC 9110, 15.5). */
  readonly refusal?: number;
  readonly write: (connection: RawConnection, request: Request) => Promise<void>;
  /** Why a pod that got this would not read the body; undefined: it would. */
  readonly lostBy?: (attempt: Attempt) => string | undefined;
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

/** Every Java client's first request to a plain address (JDK 11 and later); vLLM 0.32 loses the body that comes with it. */
const OFFERS_HTTP_2: Way = {
  name: "with an offer to go on in HTTP/2",
  connection: "close, Upgrade, HTTP2-Settings",
  lostBy: ({ headers }) =>
    headers.some(([name]) => name.toLowerCase() === "upgrade")
      ? "the offer reached the pod, and vLLM reads no body that comes with one"
      : undefined,
  write: async (connection, { head, body }) => {
    const offer = ["upgrade: h2c", "http2-settings: AAEAAEAAAAIAAAABAAMAAABk"];
    connection.write(wholeHead(...head, ...offer, lengthOf(body)) + body);
  },
};

/** What came of a way. */
interface Outcome {
  readonly name: string;
  /** 0 without an answer. */
  readonly status: number;
  readonly isRefused: boolean;
  /** What became of the body on the way to a pod; undefined: it arrived whole, or not at all. */
  readonly harm: string | undefined;
}

const OUTCOME = "written";
const CHANGED = "its prompt did not reach the pod whole";

async function send(lab: Lab, way: Way): Promise<void> {
  const { name, connection: wish = "close", refusal, write, lostBy = () => undefined } = way;
  const http = httpOf(lab);
  const requestId = newRequestId(lab);
  http.pods.script({ requestId, reply: EMPTY_ANSWER });
  const body = completionBody(lab);
  const connection = await http.connect();
  await write(connection, { head: [...rawHead(http, requestId), `connection: ${wish}`], body });
  await connection.until((received) => statusIn(textOf(received)) > 0, PATIENCE_MS);
  const status = statusIn(textOf(connection.received()));
  connection.close();
  const { prompt } = JSON.parse(body) as { readonly prompt: string };
  const attempts = attemptsOf(http, requestId);
  const outcome: Outcome = {
    name,
    status,
    isRefused: status === refusal && attempts.length === 0,
    // A router that drops the id hides what arrived.
    harm: attempts
      .map((each) => lostBy(each) ?? (parseLatin(each.body)?.["prompt"] === prompt ? undefined : CHANGED))
      .find((harm) => harm !== undefined),
  };
  lab.note(OUTCOME, outcome);
}

/** Of the answer; one that only says to go on is none, and one that goes on in HTTP/2 is the last that can be read here. */
const statusIn = (text: string): number =>
  Number(/^HTTP\/1\.[01] (101|[2-5]\d\d)[\s\S]*?\r\n\r\n/m.exec(text)?.[1] ?? 0);

const outcomesIn = ({ steps }: Observation): readonly Outcome[] =>
  steps.flatMap((step) => (step.kind === "note" && step.label === OUTCOME ? [step.data as Outcome] : []));

export const wayOfWritingCases: readonly Case[] = [
  wayOfWriting(WAYS, {
    id: "STR-26",
    level: "MUST",
    requirement: "R-STR-26",
    title:
      "A request MUST be served in whichever way its client writes it: in chunks, in pieces, with other letter case, after a 100 Continue.",
  }),
  wayOfWriting([OFFERS_HTTP_2], {
    id: "STR-27",
    level: "SHOULD",
    requirement: "R-STR-27",
    title: "A request that offers to go on in HTTP/2 SHOULD be served, and its body reach the pod.",
  }),
];

function wayOfWriting(ways: readonly Way[], which: Pick<Case, "id" | "level" | "requirement" | "title">): Case {
  return httpCase({
    ...which,
    traffic: async (lab) => {
      await exchange(lab, { label: "control", reply: EMPTY_ANSWER });
      for (const way of ways) await send(lab, way);
    },
    missing: unreached,
    finding: ([control], _profile, observation): Finding | undefined => {
      if (control?.status !== 200) return undefined;
      const odd = outcomesIn(observation).find(
        ({ status, harm, isRefused }) => !isRefused && !(isServed(status) && harm === undefined),
      );
      if (odd === undefined) return undefined;
      const { name, status, harm } = odd;
      return {
        reason: isServed(status) ? "request-changed-by-its-writing" : "way-of-writing-refused",
        detail: [
          `a request written ${name} got ${status === 0 ? "no answer" : `status ${status}`}`,
          ...(harm === undefined ? [] : [harm]),
        ].join("; "),
      };
    },
  });
}

const isServed = (status: number): boolean => status === 200 || status === 101;
