/** STR-19, STR-20: what a body is said to be, on the way to the pod and on the way back. */
import type { Case } from "../../case.ts";
import type { PodScript } from "../../http-lab/scripted-pods.ts";
import { completionBody, EMPTY_ANSWER, exchange, type Exchange, utf8 } from "../trials/exchange.ts";
import { type Finding, httpCase, unreached } from "../trials/http-case.ts";
import { parseLatin } from "../trials/stream-text.ts";

/** One type, as clients write it: RFC 9110 (8.3.1) has letter case, quotes and the space mean nothing. */
export const JSON_TYPES = [
  "application/json; charset=utf-8",
  "application/json;charset=UTF-8",
  'Application/JSON; Charset="utf-8"',
] as const;
const CONTROL = "application/json";
/** Read in any other charset it is another text. */
const PROMPT = " caf\u00e9 \u6771\u4eac";

/** As servers before an engine answer whose pages are older than UTF-8. */
const OLD_TEXT = "no caf\u00e9 is served here";
const OLD_ANSWER: PodScript["reply"] = {
  kind: "respond",
  status: 400,
  headers: [["content-type", "text/plain; charset=iso-8859-1"]],
  body: [Uint8Array.from(OLD_TEXT, (letter) => letter.charCodeAt(0))],
};

export const mediaTypeCases: readonly Case[] = [
  httpCase({
    id: "STR-19",
    level: "MUST",
    requirement: "R-STR-19",
    title:
      "A request whose JSON media type names its charset, or is written in other letters, MUST be served and reach its pod as JSON in UTF-8.",
    traffic: async (lab) => {
      for (const type of [CONTROL, ...JSON_TYPES]) {
        const body = completionBody(lab, { prompt: lab.corpus.namespace().prompt([]).text + PROMPT });
        await exchange(lab, { label: type, body, headers: { "content-type": type }, reply: EMPTY_ANSWER });
      }
    },
    missing: (exchanges) => unreached(exchanges.filter(({ label }) => label === CONTROL)),
    finding: (exchanges) => {
      const [control, ...others] = exchanges;
      if (control?.status !== 200) return undefined;
      return others.map(mediaTypeFinding).find((found) => found !== undefined);
    },
  }),
  httpCase({
    id: "STR-20",
    level: "SHOULD",
    requirement: "R-STR-20",
    title: "The charset that a pod's answer names SHOULD reach the client, unless the text is written in another.",
    needs: { happenings: ["failed-answer"] },
    traffic: async (lab) => {
      await exchange(lab, { label: "text in ISO 8859-1", reply: OLD_ANSWER });
    },
    missing: unreached,
    finding: ([got]) => {
      // It may stand in an error of the router's own.
      if (got === undefined || got.attempts.length === 0 || parseLatin(got.body) !== undefined) return undefined;
      const type = typeIn(Object.entries(got.headers).map(([name, value]) => [name, String(value)]));
      if (textIn(got.body, type.charset) === OLD_TEXT) return undefined;
      return {
        reason: "charset-lost",
        detail: `a pod's text in ISO 8859-1 reached the client as ${type.header}, by which it cannot be read`,
        expected: ["text/plain; charset=iso-8859-1"],
        observed: [type.header],
      };
    },
  }),
];

function mediaTypeFinding({ label, status, end, attempts }: Exchange): Finding | undefined {
  const [attempt] = attempts;
  if (status !== 200 || attempt === undefined) {
    return {
      reason: "media-type-refused",
      detail: `a request of type ${label} got status ${status} (${end}), one of ${CONTROL} 200`,
      expected: ["200"],
      observed: [String(status)],
    };
  }
  const { header, media, charset } = typeIn(attempt.headers);
  if (media !== CONTROL || (charset ?? "utf-8") !== "utf-8") {
    return { reason: "media-type-changed", detail: `${label} reached the pod as ${header}`, observed: [header] };
  }
  const prompt = parseLatin(attempt.body)?.["prompt"];
  if (typeof prompt === "string" && prompt.endsWith(PROMPT)) return undefined;
  return { reason: "request-body-changed", detail: `the prompt of a request of type ${label} is another at the pod` };
}

/** `media` and `charset` in small letters. */
function typeIn(headers: readonly (readonly [string, string])[]): { header: string; media: string; charset?: string } {
  const header = headers.find(([name]) => name.toLowerCase() === "content-type")?.[1] ?? "no type";
  const [media = "", ...parameters] = header.toLowerCase().split(/\s*;\s*/);
  const charset = parameters.find((each) => each.startsWith("charset="))?.slice("charset=".length);
  return { header, media, ...(charset === undefined ? {} : { charset: charset.replaceAll('"', "") }) };
}

/** Of bytes as a binary string; undefined in a charset that nobody writes such a text in anew. */
function textIn(body: string, charset: string | undefined): string | undefined {
  if (charset === "iso-8859-1") return body;
  return charset === "utf-8" && body === utf8(OLD_TEXT) ? OLD_TEXT : undefined;
}
