/** Errors that a pod is made to answer with, as vLLM writes them. */
import type { PodScript } from "../../http-lab/scripted-pods.ts";

export const errorText = (status: number): string => `scripted ${status}`;

export const errorBody = (status: number): string =>
  JSON.stringify({ error: { message: errorText(status), type: "BadRequestError", param: null, code: status } });

export const errorReply = (status: number, ...headers: readonly (readonly [string, string])[]): PodScript["reply"] => ({
  kind: "respond",
  status,
  headers: [["content-type", "application/json"], ...headers],
  body: [errorBody(status)],
});
