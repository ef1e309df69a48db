/** Pieces of a scripted stream of a completion. */
import type { Lab } from "../../lab.ts";
import { completionBody } from "./exchange.ts";

export const chunk = (text: string, finish: string | null = null): string =>
  `data: ${JSON.stringify({
    id: "cmpl-1",
    object: "text_completion",
    created: 1,
    model: "m",
    choices: [{ index: 0, text, logprobs: null, finish_reason: finish, stop_reason: null }],
  })}\n\n`;

export const DONE = "data: [DONE]\n\n";

export const streamed = (lab: Lab): string => completionBody(lab, { stream: true });

/** Undefined when it is no JSON. */
export function parseLatin(body: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(Buffer.from(body, "latin1").toString("utf8")) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

/** An event whose data is an error, as OpenAI's clients look for it: the end after it fools nobody. */
export function tellsError(body: string): boolean {
  const events = body.split(/\r?\n/).filter((line) => line.startsWith("data:"));
  return events.some((line) => typeof parseLatin(line.slice("data:".length))?.["error"] === "object");
}
