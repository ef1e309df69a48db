/** STR: what the body of a request says reaches its pod, with the values that it had. */
import type { Case } from "../../case.ts";
import type { Lab } from "../../lab.ts";
import { completionBody, EMPTY_ANSWER, exchange, noted, PATIENCE_MS } from "../trials/exchange.ts";
import { httpCase, unreached } from "../trials/http-case.ts";
import { parseLatin } from "../trials/stream-text.ts";

/**
 * A decomposed letter, a ligature, a joined emoji, what has no width (a space, a mark of byte order, a joiner, a hyphen), marks
 * of HTML, white space at the end: whoever tidies text changes it.
 */
const ODD_TEXT = ' caf\u00e9 cafe\u0301 \ufb01n 👩‍💻 no\u200bwi\ufeffdth\u2060 so\u00adft <b>&amp; "it\'s"</b> \t\n ';

/** Half a megabyte each of letters of one byte and of three: wherever a body is cut into pieces, most cuts part a letter. */
const CELLS = 825;
const WIDE_LETTERS = 176_000;

const PICTURE =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=";

/** Pictures, a call of a tool and its result, and what vLLM's templates and parsers take; keys in alphabetical order. */
const chat = (lab: Lab): Readonly<Record<string, unknown>> => ({
  model: lab.models[0],
  messages: [
    { content: lab.corpus.namespace().prompt([]).text, name: "rules", role: "system" },
    {
      content: [
        { text: `look${ODD_TEXT}`, type: "text" },
        { image_url: { detail: "low", url: PICTURE }, type: "image_url" },
        { text: "and say what it is", type: "text" },
      ],
      role: "user",
    },
    {
      content: "I ask.",
      role: "assistant",
      tool_calls: [{ function: { arguments: '{"a": 1.0}', name: "f" }, id: "call_1", type: "function" }],
    },
    { content: "1", role: "tool", tool_call_id: "call_1" },
  ],
  tools: [
    {
      function: { name: "f", parameters: { properties: { a: { type: "number" } }, type: "object" } },
      type: "function",
    },
  ],
  tool_choice: "auto",
  response_format: { json_schema: { name: "s", schema: { type: "object" } }, type: "json_schema" },
  chat_template_kwargs: { enable_thinking: false },
  reasoning_effort: "low",
  max_completion_tokens: 5,
  cache_salt: "tenant-a",
  priority: 3,
});

export const bodyCases: readonly Case[] = [
  httpCase({
    id: "STR-03",
    level: "MUST",
    requirement: "R-STR-3",
    title: "Every field of a request MUST reach the pod with its value, known to the router or not.",
    traffic: async (lab) => {
      const { text } = lab.corpus.namespace().prompt([]);
      const body = `{ "model": ${JSON.stringify(lab.models[0])},\n "prompt": ${JSON.stringify(`${text}${ODD_TEXT}`)}, "max_tokens": 300,
        "n": 2, "temperature": 0.5, "seed": 7, "stop": ["\\n\\n", "END"], "user": "someone", "x_null": null,
        "cache_salt": "tenant-a", "priority": 3, "ignore_eos": true, "min_tokens": 2, "top_k": 40, "min_p": 0.0512345678, "repetition_penalty": 1.05,
        "x_unknown": { "big": 9007199254740993, "share": 0.0512345678, "deep": [1, [2, { "three": null }]], "flag": false }, "logit_bias": {"50256": -100}, "escaped": "\\u00fc\\ud83d\\ude42\\n" }`;
      await exchange(lab, { label: "unknown fields", body, reply: EMPTY_ANSWER });
      lab.note("sent-body", body);
    },
    missing: unreached,
    finding: ([got], _profile, observation) => {
      const arrived = got?.attempts[0]?.body;
      if (arrived === undefined) return undefined;
      const sent = JSON.parse(String(noted(observation, "sent-body"))) as Record<string, unknown>;
      const parsed = parseLatin(arrived);
      const lost = Object.keys(sent).filter((key) => !isSame(sent[key], parsed?.[key]));
      // JSON.parse rounds on both sides; the digits themselves must have survived.
      if (!arrived.includes("9007199254740993")) lost.push("x_unknown.big");
      return changed(lost);
    },
  }),
  httpCase({
    id: "STR-09",
    level: "MUST",
    requirement: "R-STR-3",
    title: "A prompt of a megabyte MUST reach the pod whole, and every letter of it.",
    traffic: async (lab) => {
      const names = Array.from({ length: CELLS }, (_, index) => `cell${index % 600}`);
      const prompt = lab.corpus.namespace().prompt(names).text + "東".repeat(WIDE_LETTERS);
      const body = completionBody(lab, { prompt });
      const timeoutMs = 3 * PATIENCE_MS;
      const { attempts } = await exchange(lab, { label: "a megabyte", body, reply: EMPTY_ANSWER, timeoutMs });
      const arrived = parseLatin(attempts[0]?.body ?? "")?.["prompt"];
      const chars = typeof arrived === "string" ? arrived.length : 0;
      lab.note("arrived", { sent: prompt.length, chars, same: arrived === prompt } satisfies Arrived);
    },
    finding: ([got], _profile, observation) => {
      const { sent, chars, same } = noted(observation, "arrived") as Arrived;
      if (got?.status === 200 && same) return undefined;
      const reason = got?.status === 200 && chars >= sent ? "letters-changed" : "large-body-not-passed";
      return {
        reason,
        detail: `a prompt of 1 MB got status ${got?.status ?? 0}; of its ${sent} characters ${chars} reached a pod${reason === "letters-changed" ? ", not all as they were" : ""}`,
      };
    },
  }),
  httpCase({
    id: "STR-16",
    level: "MUST",
    requirement: "R-STR-3",
    title: "Pictures, calls of tools and every other field of a chat MUST reach the pod with their values.",
    needs: { chats: true },
    traffic: async (lab) => {
      const sent = chat(lab);
      await exchange(lab, {
        label: "chat",
        path: "/v1/chat/completions",
        body: JSON.stringify(sent),
        reply: EMPTY_ANSWER,
      });
      lab.note("sent-chat", sent);
    },
    missing: unreached,
    finding: ([got], _profile, observation) => {
      const arrived = got?.attempts[0]?.body;
      if (arrived === undefined) return undefined;
      const sent = noted(observation, "sent-chat") as Readonly<Record<string, unknown>>;
      const parsed = parseLatin(arrived);
      return changed(Object.keys(sent).filter((key) => !holds(parsed?.[key], sent[key])));
    },
  }),
];

interface Arrived {
  readonly sent: number;
  readonly chars: number;
  readonly same: boolean;
}

/** Engines hold fractions that they know in single precision, and so may a router; of a field unknown to it nobody can say. */
const isSame = (sent: unknown, arrived: unknown): boolean =>
  typeof sent === "number" && typeof arrived === "number"
    ? Math.fround(sent) === Math.fround(arrived)
    : JSON.stringify(sent) === JSON.stringify(arrived);

const changed = (lost: readonly string[]) =>
  lost.length === 0
    ? undefined
    : {
        reason: "request-body-changed",
        detail: `fields lost or changed on the way to the pod: ${lost.join(", ")}`,
        observed: lost,
      };

/** Whether all that was sent stands in what arrived; an object may have got more members. */
function holds(arrived: unknown, sent: unknown): boolean {
  if (typeof sent !== "object" || sent === null) return arrived === sent;
  if (typeof arrived !== "object" || arrived === null || Array.isArray(arrived) !== Array.isArray(sent)) return false;
  if (Array.isArray(sent) && (arrived as readonly unknown[]).length !== sent.length) return false;
  return Object.entries(sent).every(([key, value]) => holds((arrived as Record<string, unknown>)[key], value));
}
