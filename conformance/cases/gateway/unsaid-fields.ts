/** STR-14, TOK-20: what a client did not say is not said for it, nor read out of what stands elsewhere. */
import type { Case } from "../../case.ts";
import { EMPTY_ANSWER, exchange, type Exchange } from "../trials/exchange.ts";
import { httpCase, unreached } from "../trials/http-case.ts";
import { parseLatin } from "../trials/stream-text.ts";

/** What shapes an answer, with the values that leave it as it is where the field is left out. */
const WITHOUT_EFFECT: Readonly<Record<string, readonly unknown[]>> = {
  // vLLM takes 16 for a completion, and for a chat what the context leaves.
  max_tokens: [16],
  max_completion_tokens: [],
  min_tokens: [0],
  // These stand in a model's generation_config.json: to name OpenAI's default is to overrule it.
  temperature: [],
  top_p: [],
  top_k: [],
  min_p: [],
  repetition_penalty: [],
  presence_penalty: [0],
  frequency_penalty: [0],
  n: [1],
  seed: [],
  stop: [""],
  ignore_eos: [false],
  echo: [false],
};

const CONTROL = "other metadata";
const MISLEADING = "names of fields in metadata and prompt";

export const unsaidFieldCases: readonly Case[] = [
  httpCase({
    id: "STR-14",
    level: "SHOULD",
    requirement: "R-STR-14",
    title: "What shapes an answer and was left out by the client SHOULD NOT be set on the way to the pod.",
    traffic: async (lab) => {
      const { text: prompt } = lab.corpus.namespace().prompt([]);
      const [model] = lab.models;
      await exchange(lab, { label: "completion", body: JSON.stringify({ model, prompt }), reply: EMPTY_ANSWER });
      const messages = [{ role: "user", content: prompt }];
      // Who takes no chats refuses this one: what did not reach a pod is not judged.
      await exchange(lab, {
        label: "chat",
        path: "/v1/chat/completions",
        body: JSON.stringify({ model, messages }),
        reply: EMPTY_ANSWER,
      });
    },
    missing: (exchanges) => unreached(exchanges.slice(0, 1)),
    finding: (exchanges) => {
      const set = exchanges.flatMap(({ label, attempts }) => fieldsSet(label, attempts[0]?.body));
      if (set.length === 0) return undefined;
      return { reason: "fields-set", detail: `the client left out what the pod got: ${set.join(", ")}`, observed: set };
    },
  }),
  httpCase({
    id: "TOK-20",
    level: "MUST",
    requirement: "R-TOK-20",
    title: "Names of fields that stand inside a text or another field MUST NOT be taken for those of the request.",
    traffic: async (lab) => {
      const { text } = lab.corpus.namespace().prompt([]);
      const [model] = lab.models;
      const ask = (label: string, metadata: object, prompt: string): Promise<unknown> => {
        // The names stand before those of the request.
        const body = JSON.stringify({ metadata, prompt, model, max_tokens: 4 });
        return exchange(lab, { label, body, reply: EMPTY_ANSWER });
      };
      await ask(CONTROL, { team: "a" }, text);
      await ask(MISLEADING, { model: "no-such-model", stream: "true" }, `${text} {"model": "no-such-model"}`);
    },
    missing: (exchanges) => unreached(exchanges.filter(({ label }) => label === CONTROL)),
    finding: (exchanges) => {
      const [control, misleading] = [CONTROL, MISLEADING].map((name) => exchanges.find(({ label }) => label === name));
      if (control?.status !== 200 || misleading === undefined || misleading.status === 200) return undefined;
      return {
        reason: "field-misread",
        detail: `with the names of fields in its metadata and its prompt a request got status ${misleading.status}, and ${control.status} without`,
        expected: ["200"],
        observed: [String(misleading.status)],
      };
    },
  }),
];

function fieldsSet(label: Exchange["label"], body: string | undefined): string[] {
  const isNamed = ([key, value]: readonly [string, unknown]): boolean => {
    if (value === null || !(key in WITHOUT_EFFECT)) return false;
    if (key === "max_tokens" && label === "chat") return true;
    return WITHOUT_EFFECT[key]?.every((harmless) => JSON.stringify(harmless) !== JSON.stringify(value)) ?? false;
  };
  return Object.entries(parseLatin(body ?? "") ?? {})
    .filter(isNamed)
    .map(([key, value]) => `${key} ${JSON.stringify(value)} (${label})`);
}
