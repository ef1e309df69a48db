/** STR: what a request says reaches its pod unchanged, and what the pod answers its client. */
import type { Case } from "../../case.ts";
import type { PodScript } from "../../http-lab/scripted-pods.ts";
import {
  type Attempt,
  completionBody,
  EVENT_STREAM,
  exchange,
  httpOf,
  newRequestId,
  noted,
  PATIENCE_MS,
} from "../trials/exchange.ts";
import { httpCase, unreached } from "../trials/http-case.ts";
import { chunk, DONE, parseLatin, streamed } from "../trials/stream-text.ts";

/** A decomposed letter, a ligature, a joined emoji and white space at the end: whoever tidies text changes it. */
const ODD_TEXT = " caf\u00e9 cafe\u0301 \ufb01n 👩‍💻 \t\n ";

/** A pod's answer with headers that a client must get as they are. */
const HEADED: PodScript["reply"] = {
  kind: "respond",
  status: 200,
  headers: [
    ["content-type", "application/json"],
    ["x-pod-custom", "kept"],
    ["set-cookie", "a=1"],
    ["set-cookie", "b=2"],
  ],
  body: ['{"choices":[]}'],
};

const QUERY = "?trace=a%20b&trace=2";

const namesOf = (headers: Attempt["headers"], name: string): number =>
  headers.filter(([key]) => key.toLowerCase() === name).length;

/** Without what follows the first semicolon. */
const mediaType = (header: string | readonly string[] | undefined): string =>
  [header ?? []].flat().join(", ").split(";")[0]?.trim().toLowerCase() ?? "";

export const transparencyCases: readonly Case[] = [
  httpCase({
    id: "STR-03",
    level: "MUST",
    requirement: "R-STR-3",
    title: "Every field of a request MUST reach the pod with its value, known to the router or not.",
    traffic: async (lab) => {
      const { text } = lab.corpus.namespace().prompt([]);
      const body = `{ "model": ${JSON.stringify(lab.models[0])},\n "prompt": ${JSON.stringify(`${text}${ODD_TEXT}`)}, "max_tokens": 300,
        "n": 2, "temperature": 0.5, "seed": 7, "stop": ["\\n\\n", "END"], "user": "someone", "x_null": null,
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
      await exchange(lab, { label: "headers", reply: HEADED }, requestId);
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
      const cookies = [got.headers["set-cookie"] ?? []].flat();
      const lost = [
        ...(sentId === noted(observation, "request-id") ? [] : ["x-request-id to the pod"]),
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
      await exchange(lab, { label: "with a query", path: `/v1/completions${QUERY}`, reply: HEADED }, requestId);
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
