/** STR: what stands around the body of a request reaches its pod, and what stands around that of the answer its client. */
import type { Case } from "../../case.ts";
import type { PodScript } from "../../http-lab/scripted-pods.ts";
import {
  type Attempt,
  EMPTY_ANSWER,
  EVENT_STREAM,
  exchange,
  type Exchange,
  httpOf,
  newRequestId,
  noted,
} from "../trials/exchange.ts";
import { httpCase, unreached } from "../trials/http-case.ts";
import { chunk, DONE, streamed } from "../trials/stream-text.ts";

/** A pod's answer with headers that a client must get as they are; clients quote the id of a request in what they report. */
const headed = (requestId: string): PodScript["reply"] => ({
  kind: "respond",
  status: 200,
  headers: [
    ["content-type", "application/json"],
    ["x-request-id", requestId],
    ["x-pod-custom", "kept"],
    ["set-cookie", "a=1"],
    ["set-cookie", "b=2"],
  ],
  body: ['{"choices":[]}'],
});

/** One that engines read, and one that nobody knows; a name of the kit's own might be the router's as well. */
const OWN_HEADERS = { "x-session-id": "session-7", "x-client-note": "as sent" };
/** May become one line with a comma on the way (RFC 9110, 5.3). */
const REPEATED_HEADER = { "x-client-tag": ["first", "second"] };

/** As many as tracing, proxies and tenants make of a request, and one as long as a token: every common server takes both. */
const MANY_HEADERS = Object.fromEntries(
  Array.from({ length: 48 }, (_, index) => [`x-client-note-${index + 1}`, `note ${index + 1}`]),
);
const LONG_HEADER = { "x-client-note": "note".repeat(1024) };
const CONTROL = "without them";

const QUERY = "?trace=a%20b&trace=2";

const namesOf = (headers: Attempt["headers"], name: string): number =>
  headers.filter(([key]) => key.toLowerCase() === name).length;

/** Without what follows the first semicolon. */
const mediaType = (header: string | readonly string[] | undefined): string =>
  [header ?? []].flat().join(", ").split(";")[0]?.trim().toLowerCase() ?? "";

export const transparencyCases: readonly Case[] = [
  httpCase({
    id: "STR-04",
    level: "MUST",
    requirement: "R-STR-4",
    title:
      "The request id MUST reach the pod, and every header that is not hop-by-hop MUST reach the client, repeated ones too.",
    traffic: async (lab) => {
      const requestId = newRequestId(lab);
      await exchange(lab, { label: "headers", reply: headed(requestId) }, requestId);
      lab.note("request-id", requestId);
      const stream = {
        kind: "respond",
        status: 200,
        headers: EVENT_STREAM,
        body: [chunk("one", "stop"), DONE],
      } as const;
      await exchange(lab, { label: "streamed", body: streamed(lab), reply: stream });
    },
    missing: unreached,
    finding: ([got, stream], _profile, observation) => {
      const attempt = got?.attempts[0];
      if (got === undefined || attempt === undefined) return undefined;
      const sentId = attempt.headers.find(([name]) => name.toLowerCase() === "x-request-id")?.[1];
      const ownIds = [got.headers["x-request-id"] ?? []].flat();
      const cookies = [got.headers["set-cookie"] ?? []].flat();
      const lost = [
        ...(sentId === noted(observation, "request-id") ? [] : ["x-request-id to the pod"]),
        ...(ownIds.includes(String(sentId)) ? [] : ["x-request-id to the client"]),
        ...(got.headers["x-pod-custom"] === "kept" ? [] : ["x-pod-custom to the client"]),
        ...(cookies.length === 2 ? [] : ["one of two set-cookie headers"]),
      ];
      if (lost.length > 0)
        return { reason: "header-lost", detail: `lost on the way: ${lost.join(", ")}`, observed: lost };
      const types = [mediaType(got.headers["content-type"]), mediaType(stream?.headers["content-type"])];
      if (stream?.status === 200 && types.join() !== "application/json,text/event-stream") {
        return {
          reason: "content-type-changed",
          detail: `the pods' answers were application/json and text/event-stream, the client's ${types.join(" and ")}`,
          observed: types,
        };
      }
      const doubled = ["x-request-id", "content-type", "content-length", "host"].filter(
        (name) => namesOf(attempt.headers, name) > 1,
      );
      if (doubled.length === 0) return undefined;
      return { reason: "header-doubled", detail: `reached the pod twice: ${doubled.join(", ")}`, observed: doubled };
    },
  }),
  httpCase({
    id: "STR-12",
    level: "SHOULD",
    requirement: "R-STR-12",
    title: "The query of a request SHOULD reach the pod with it.",
    traffic: async (lab) => {
      const requestId = newRequestId(lab);
      await exchange(lab, { label: "with a query", path: `/v1/completions${QUERY}`, reply: EMPTY_ANSWER }, requestId);
      lab.note("path", httpOf(lab).pods.seen(requestId)[0]?.path);
    },
    missing: unreached,
    finding: (_exchanges, _profile, observation) => {
      const path = noted(observation, "path");
      if (typeof path !== "string" || path === `/v1/completions${QUERY}`) return undefined;
      return { reason: "query-lost", detail: `/v1/completions${QUERY} reached the pod as ${path}` };
    },
  }),
  httpCase({
    id: "STR-15",
    level: "SHOULD",
    requirement: "R-STR-15",
    title:
      "Headers that a client sends with its request SHOULD reach the pod, known to the router or not, and each of one name.",
    traffic: async (lab) => {
      const headers = { ...OWN_HEADERS, ...REPEATED_HEADER };
      await exchange(lab, { label: "with headers of its own", headers, reply: EMPTY_ANSWER });
    },
    missing: unreached,
    finding: ([got]) => {
      const lost = lostOf(OWN_HEADERS, got);
      if (lost.length > 0)
        return { reason: "header-not-forwarded", detail: `did not reach the pod: ${lost.join(", ")}`, observed: lost };
      const [tag] = lostOf(REPEATED_HEADER, got);
      if (tag === undefined) return undefined;
      const sent = REPEATED_HEADER["x-client-tag"];
      return {
        reason: "repeated-header-lost",
        detail: `${tag} was sent twice, as ${sent.join(" and ")}, and did not reach the pod like that`,
        expected: sent,
        observed:
          got?.attempts[0]?.headers.flatMap(([name, value]) => (name.toLowerCase() === tag ? [value] : [])) ?? [],
      };
    },
  }),
  httpCase({
    id: "STR-21",
    level: "SHOULD",
    requirement: "R-STR-21",
    title:
      "A request with some fifty headers, or with one of four kilobytes, SHOULD be served, and reach the pod with them.",
    traffic: async (lab) => {
      await exchange(lab, { label: CONTROL, reply: EMPTY_ANSWER });
      await exchange(lab, { label: "with 48 headers more", headers: MANY_HEADERS, reply: EMPTY_ANSWER });
      await exchange(lab, { label: "with a header of 4 KiB", headers: LONG_HEADER, reply: EMPTY_ANSWER });
    },
    missing: (exchanges) => unreached(exchanges.filter(({ label }) => label === CONTROL)),
    finding: ([control, many, long]) => {
      if (control?.status !== 200) return undefined;
      const refused = [many, long].find((got) => got?.status !== 200);
      if (refused !== undefined) {
        return {
          reason: "headers-refused",
          detail: `a request ${refused.label} got status ${refused.status} (${refused.end}), one without them 200`,
          expected: ["200"],
          observed: [String(refused.status)],
        };
      }
      const lost = lostOf(MANY_HEADERS, many);
      // Who passes none of them on has a list of what may pass: STR-15 is about that.
      const isListed = lost.length === Object.keys(MANY_HEADERS).length;
      const missing = isListed ? [] : [...lost, ...lostOf(LONG_HEADER, long)];
      if (missing.length === 0) return undefined;
      return {
        reason: "header-not-forwarded",
        detail: `${missing.length} of 49 headers did not reach the pod: ${missing.join(", ")}`,
        observed: missing,
      };
    },
  }),
];

/** Names of the headers that did not reach the pod as they were sent. */
function lostOf(
  sent: Readonly<Record<string, string | readonly string[]>>,
  got: Exchange | undefined,
): readonly string[] {
  const [attempt] = got?.attempts ?? [];
  if (attempt === undefined) return [];
  const arrived = Map.groupBy(attempt.headers, ([name]) => name.toLowerCase());
  const valueOf = (name: string): string => (arrived.get(name) ?? []).flatMap(([, value]) => value.split(/, */)).join();
  return Object.entries(sent).flatMap(([name, value]) => (valueOf(name) === [value].flat().join() ? [] : [name]));
}
