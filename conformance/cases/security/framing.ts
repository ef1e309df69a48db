/** SEC-03: router and pods agree where a request ends, or the router refuses it. */
import type { Case } from "../../case.ts";
import type { Lab } from "../../lab.ts";
import { completionBody, EMPTY_ANSWER, exchange, httpOf, newRequestId, noted } from "../trials/exchange.ts";
import { rawHead } from "../trials/raw-head.ts";
import { type Finding, httpCase, unreached } from "../trials/http-case.ts";

const CRLF = "\r\n";
/** The client asks for the end of the connection: when it comes, nothing more will. */
const CLOSED_WITHIN_MS = 1_000;

/** One connection's bytes: a request, and where framing is at stake a second one inside its body. */
interface Attack {
  readonly name: string;
  readonly bytes: (request: Builder, hidden: string) => string;
}

type Builder = (headers: readonly string[], body: string) => string;

/** What came of it. `reached` counts both requests at all pods. */
interface Outcome {
  readonly name: string;
  readonly statuses: readonly number[];
  readonly reached: number;
}

const length = (text: string): number => Buffer.byteLength(text);
const chunked = (text: string, extension = ""): string =>
  `${length(text).toString(16)}${extension}${CRLF}${text}${CRLF}0${CRLF}${CRLF}`;
const CHUNKED = "transfer-encoding: chunked";

const ATTACKS: readonly Attack[] = [
  {
    name: "a length that covers a second request, and chunks that end before it",
    bytes: (request, hidden) => {
      const body = `0${CRLF}${CRLF}${hidden}`;
      return request([`content-length: ${length(body)}`, CHUNKED], body);
    },
  },
  {
    name: "a chunk that is a second request, and a length that ends before it",
    bytes: (request, hidden) => {
      const body = chunked(hidden);
      return request([`content-length: ${body.indexOf(CRLF) + 2}`, CHUNKED], body);
    },
  },
  {
    name: "two lengths",
    bytes: (request, hidden) => request(["content-length: 0", `content-length: ${length(hidden)}`], hidden),
  },
  {
    name: "a length with a sign",
    bytes: (request, hidden) => request([`content-length: +${length(hidden)}`], hidden),
  },
  {
    name: "a transfer coding with a space before its colon",
    bytes: (request, hidden) => {
      const body = `0${CRLF}${CRLF}${hidden}`;
      return request([`content-length: ${length(body)}`, "transfer-encoding : chunked"], body);
    },
  },
  {
    name: "a header folded over two lines",
    bytes: (request) => request(["x-folded: one", " two", "content-length: 2"], "{}"),
  },
  {
    name: "a header line that ends in a bare line feed",
    bytes: (request) => request(["x-bare: one\ncontent-length: 2"], "{}"),
  },
  { name: "a header with NUL", bytes: (request) => request(["x-nul: a\0b", "content-length: 2"], "{}") },
  {
    name: "a chunk extension",
    bytes: (request) => request([CHUNKED], chunked("{}", ";name=value")),
  },
];

async function attack(lab: Lab, { name, bytes }: Attack): Promise<() => Outcome> {
  const http = httpOf(lab);
  const ids = [newRequestId(lab), newRequestId(lab)] as const;
  for (const requestId of ids) http.pods.script({ requestId, reply: EMPTY_ANSWER });
  const builder =
    (requestId: string): Builder =>
    (headers, body) =>
      [...rawHead(http, requestId), "connection: close", ...headers, "", body].join(CRLF);
  const inner = completionBody(lab);
  const hidden = builder(ids[1])([`content-length: ${length(inner)}`], inner);
  const connection = await http.connect();
  connection.write(bytes(builder(ids[0]), hidden));
  await connection.until(() => false, CLOSED_WITHIN_MS);
  const text = Buffer.from(connection.received()).toString("latin1");
  connection.close();
  return () => ({
    name,
    statuses: [...text.matchAll(/HTTP\/1\.[01] (\d{3})/g)].map(([, status]) => Number(status)),
    reached: ids.reduce((sum, id) => sum + http.pods.seen(id).length, 0),
  });
}

const accepted = ({ statuses }: Outcome): number => statuses.filter((status) => status >= 200 && status < 300).length;
const OUTCOMES = "outcomes";

export const framingCases: readonly Case[] = [
  httpCase({
    id: "SEC-03",
    level: "MUST",
    requirement: "R-SEC-3",
    title:
      "A request whose length is ambiguous MUST be refused or made unambiguous: no pod gets a request that was not answered.",
    traffic: async (lab) => {
      await exchange(lab, { label: "control", reply: EMPTY_ANSWER });
      const outcomes = [];
      for (const each of ATTACKS) outcomes.push(await attack(lab, each));
      // What was slipped to a pod has reached it by the time a later request was answered by each.
      for (const _pod of lab.pods()) await exchange(lab, { label: "afterwards", reply: EMPTY_ANSWER });
      lab.note(
        OUTCOMES,
        outcomes.map((read) => read()),
      );
    },
    missing: unreached,
    finding: (exchanges, _profile, observation): Finding | undefined => {
      const outcomes = (noted(observation, OUTCOMES) ?? []) as readonly Outcome[];
      const smuggled = outcomes.find((outcome) => outcome.reached > accepted(outcome));
      if (smuggled !== undefined) {
        return {
          reason: "request-smuggled",
          detail: `${smuggled.name}: the client got ${accepted(smuggled)} good answers and pods ${smuggled.reached} requests`,
          observed: smuggled.statuses.map(String),
        };
      }
      const lost = exchanges.find(({ label, status }) => label === "afterwards" && status !== 200);
      if (lost === undefined) return undefined;
      return {
        reason: "not-serving-after-bad-framing",
        detail: `a plain request afterwards got status ${lost.status} (${lost.end})`,
      };
    },
  }),
];
