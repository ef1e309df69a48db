/** TOK-09: a router that lets its pods count tokens, when they do not. */
import type { Case } from "../../case.ts";
import type { Lab } from "../../lab.ts";
import type { PodPage } from "../../http-lab/scripted-pods.ts";
import { claimed } from "../claims.ts";
import { exchangeTogether, httpOf, noted } from "../trials/exchange.ts";
import { httpCase } from "../trials/http-case.ts";

/** Where a pod tells of a prompt's tokens. */
const TOKENIZERS = ["/tokenize", "/v1/completions/render", "/v1/chat/completions/render"];
const REQUESTS = 6;
const ASKED = "asked-in-vain";
const SILENT = "while it is silent";

export const podTokenizerCases: readonly Case[] = [
  httpCase({
    id: "TOK-09",
    level: "declared-MUST",
    requirement: "R-TOK-9",
    title: "Where pods count the tokens, a prompt MUST be served although they fail to, or say nothing.",
    needs: { happenings: ["changed-page"] },
    unsupported: claimed("match.tokenizer pods", ({ match }) => match?.tokenizer === "pods"),
    traffic: async (lab) => {
      await exchangeTogether(lab, REQUESTS, "while it is well");
      const before = timesAsked(lab);
      await sendWhile(lab, { kind: "status", status: 500 }, "while it fails");
      await sendWhile(lab, { kind: "hang" }, SILENT);
      lab.note(ASKED, timesAsked(lab) - before);
      await exchangeTogether(lab, REQUESTS, "afterwards");
    },
    missing: (_exchanges, observation) =>
      noted(observation, ASKED) === 0 ? "the router asked no pod for tokens" : undefined,
    finding: (exchanges) => {
      const lost = exchanges.find(({ status, end }) => status !== 200 || end !== "complete");
      if (lost === undefined) return undefined;
      const hung = lost.label === SILENT && lost.end === "timeout";
      return {
        reason: hung ? "waits-for-a-silent-tokenizer" : "not-served-without-tokenizer",
        detail: `${lost.label}: status ${lost.status} (${lost.end}) after ${Math.round(lost.durationMs)} ms`,
      };
    },
  }),
];

const timesAsked = (lab: Lab): number => TOKENIZERS.reduce((times, path) => times + httpOf(lab).pods.asked(path), 0);

async function sendWhile(lab: Lab, page: PodPage, label: string): Promise<void> {
  const { pods } = httpOf(lab);
  for (const path of TOKENIZERS) pods.setPage(path, page);
  await exchangeTogether(lab, REQUESTS, label);
  for (const path of TOKENIZERS) pods.setPage(path, undefined);
}
