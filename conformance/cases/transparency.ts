/** STR: what a request says reaches its pod unchanged, and what the pod answers its client. */
import type { Case } from "../case.ts";
import { completionBody, EVENT_STREAM, exchange, newRequestId, noted, PATIENCE_MS } from "./exchange.ts";
import { httpCase, unreached } from "./http-case.ts";
import { DONE, parseLatin, streamed } from "./stream-text.ts";

export const transparencyCases: readonly Case[] = [
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
      const streamReply = { kind: "respond", status: 200, headers: EVENT_STREAM, body: [DONE] } as const;
      await exchange(lab, { label: "stream", body: streamed(lab), reply: streamReply });
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
        ...(String(stream?.headers["content-type"]).startsWith("text/event-stream") ? [] : ["a stream's content-type"]),
        ...(cookies.length === 2 ? [] : ["one of two set-cookie headers"]),
      ];
      if (lost.length === 0) return undefined;
      return { reason: "header-lost", detail: `lost on the way: ${lost.join(", ")}`, observed: lost };
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
