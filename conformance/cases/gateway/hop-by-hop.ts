/** STR-11: what two neighbours say about their one connection is not passed on. */
import type { Case } from "../../case.ts";
import {
  attemptsOf,
  completionBody,
  EMPTY_ANSWER,
  exchange,
  httpOf,
  newRequestId,
  noted,
  PATIENCE_MS,
} from "../trials/exchange.ts";
import { rawHead } from "../trials/raw-head.ts";
import { httpCase, unreached } from "../trials/http-case.ts";

const CRLF = "\r\n";
/** A value that no router's own header has by chance. */
const KEPT_ALIVE = "timeout=77";
/** A proxy that takes trailers says `trailers` to its pod for itself, as Go's does: this part of the client's is passed on or not. */
const CODING = "deflate;q=0.3";
const FROM_CLIENT = [
  "connection: close, te, x-hop",
  `te: trailers, ${CODING}`,
  `keep-alive: ${KEPT_ALIVE}`,
  "x-hop: 1",
];
const FROM_POD = [
  ["connection", "x-hop"],
  ["keep-alive", KEPT_ALIVE],
  ["x-hop", "1"],
] as const;

/** As header lines in lower case. */
interface PassedOn {
  readonly toPod: readonly string[];
  readonly toClient: readonly string[];
}

const HEADERS = "headers";
const isOfTheHop = (line: string): boolean =>
  line.startsWith("x-hop:") ||
  line === `keep-alive: ${KEPT_ALIVE}` ||
  (line.startsWith("te:") && line.includes(CODING));

export const hopByHopCases: readonly Case[] = [
  httpCase({
    id: "STR-11",
    level: "SHOULD",
    requirement: "R-STR-11",
    title:
      "Headers known as hop-by-hop, and those that a connection header names, SHOULD NOT be passed on, either way.",
    traffic: async (lab) => {
      await exchange(lab, { label: "control", reply: EMPTY_ANSWER });
      const http = httpOf(lab);
      const requestId = newRequestId(lab);
      http.pods.script({ requestId, reply: { ...EMPTY_ANSWER, headers: [...EMPTY_ANSWER.headers, ...FROM_POD] } });
      const body = completionBody(lab);
      const head = [...rawHead(http, requestId), `content-length: ${Buffer.byteLength(body)}`, ...FROM_CLIENT];
      const connection = await http.connect();
      connection.write([...head, "", body].join(CRLF));
      await connection.until(() => false, PATIENCE_MS);
      const [answer = ""] = Buffer.from(connection.received())
        .toString("latin1")
        .split(CRLF + CRLF);
      connection.close();
      const [attempt] = attemptsOf(http, requestId);
      const toPod = attempt?.headers.map(([name, value]) => `${name}: ${value}`.toLowerCase());
      lab.note(HEADERS, { toPod: toPod ?? [], toClient: answer.toLowerCase().split(CRLF).slice(1) });
    },
    missing: (exchanges, observation) => {
      const { toPod } = noted(observation, HEADERS) as PassedOn;
      return unreached(exchanges) ?? (toPod.length === 0 ? "the request with the headers reached no pod" : undefined);
    },
    finding: (_exchanges, _profile, observation) => {
      const { toPod, toClient } = noted(observation, HEADERS) as PassedOn;
      const passed = [
        ...toPod.filter(isOfTheHop).map((line) => `${line} to the pod`),
        ...toClient.filter(isOfTheHop).map((line) => `${line} to the client`),
      ];
      if (passed.length === 0) return undefined;
      return { reason: "hop-by-hop-passed-on", detail: `passed on: ${passed.join(", ")}`, observed: passed };
    },
  }),
];
