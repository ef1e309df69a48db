/** STR-18: what a chat with pictures weighs. */
import type { Case } from "../../case.ts";
import type { PodScript } from "../../http-lab/scripted-pods.ts";
import { exchange, PATIENCE_MS } from "../trials/exchange.ts";
import { httpCase } from "../trials/http-case.ts";
import { parseLatin } from "../trials/stream-text.ts";

/** A photograph of a telephone, in base64. More than what web frameworks take where nobody sets a limit. */
const IMAGE_CHARS = 3 * 2 ** 20;

const ANSWER: PodScript["reply"] = {
  kind: "respond",
  status: 200,
  headers: [["content-type", "application/json"]],
  body: ['{"choices":[]}'],
};

export const largeImageCases: readonly Case[] = [
  httpCase({
    id: "STR-18",
    level: "SHOULD",
    requirement: "R-STR-18",
    title: "A chat with an image of three megabytes SHOULD reach the pod whole.",
    traffic: async (lab) => {
      const url = `data:image/png;base64,${"iVBORw0K".repeat(IMAGE_CHARS / 8)}`;
      const content = [
        { type: "text", text: lab.corpus.namespace().prompt([]).text },
        { type: "image_url", image_url: { url } },
      ];
      const body = JSON.stringify({ model: lab.models[0], messages: [{ role: "user", content }], max_tokens: 4 });
      const path = "/v1/chat/completions";
      await exchange(lab, { label: "a large image", path, body, reply: ANSWER, timeoutMs: 3 * PATIENCE_MS });
    },
    finding: ([got]) => {
      const arrived = JSON.stringify(parseLatin(got?.attempts[0]?.body ?? "")?.["messages"] ?? "").length;
      // Less than a chat is served at other addresses: whether it is served at all is another case's question.
      if (got?.status === 404 || (got?.status === 200 && arrived > IMAGE_CHARS)) return undefined;
      return {
        reason: "image-not-passed",
        detail: `a chat with an image of 3 MB got status ${got?.status ?? 0}, and ${arrived} characters of its messages reached a pod`,
      };
    },
  }),
];
