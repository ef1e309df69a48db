/** STR: what stands around the body of a request reaches its pod, and what stands around that of the answer its client. */
import type { Case } from "../../case.ts";
import type { PodScript } from "../../http-lab/scripted-pods.ts";
import { type Attempt, EMPTY_ANSWER, EVENT_STREAM, exchange, httpOf, newRequestId, noted } from "../trials/exchange.ts";
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
    title: "A header that a client sends with its request SHOULD reach the pod, known to the router or not.",
    traffic: async (lab) => {
      await exchange(lab, { label: "with headers of its own", headers: OWN_HEADERS, reply: EMPTY_ANSWER });
    },
    missing: unreached,
    finding: ([got]) => {
      const attempt = got?.attempts[0];
      if (attempt === undefined) return undefined;
      const arrived = new Map(attempt.headers.map(([name, value]) => [name.toLowerCase(), value]));
      const lost = Object.entries(OWN_HEADERS).flatMap(([name, value]) => (arrived.get(name) === value ? [] : [name]));
      if (lost.length === 0) return undefined;
      return { reason: "header-not-forwarded", detail: `did not reach the pod: ${lost.join(", ")}`, observed: lost };
    },
  }),
];
