/** The router's own "no", in vLLM's words and error body where vLLM has them, so that a client's handling works unchanged. */
import type { ServerResponse } from "node:http";
import { Refusal, unknownModel } from "../../../fixtures/wire/errors.ts";
import { bodyReader, UnreadableBody } from "../../../fixtures/wire/validation/request-body.ts";
import { string } from "../../../fixtures/wire/validation/schema.ts";

export const refusals = {
  modelUnknown: unknownModel,
  notFound: (message: string): Refusal => new Refusal(404, "NotFoundError", message),
  wrongMethod: (): Refusal => new Refusal(405, "Method Not Allowed", "Method Not Allowed"),
  conflict: (message: string): Refusal => new Refusal(409, "Conflict", message),
  bodyTooLarge: (limitBytes: number): Refusal =>
    new Refusal(413, "Request Entity Too Large", `The body is larger than ${limitBytes} bytes.`),
  noPod: (model: string): Refusal =>
    new Refusal(503, "Service Unavailable", `No pod is ready for the model \`${model}\`.`),
  podUnreachable: (pod: string): Refusal =>
    new Refusal(502, "Bad Gateway", `Pod ${pod} could not be reached or broke off before it answered.`),
  podSilent: (pod: string): Refusal => new Refusal(504, "Gateway Timeout", `Pod ${pod} did not answer in time.`),
} as const;

/** All that the router itself needs of a body; the rest is for the pod to judge. */
const strictly = bodyReader(
  { kind: "object", name: "Request", fields: { model: { schema: string, required: true } } },
  [],
);

/** Python's decoder, rebuilt to quote it, is slow: beyond this a body is refused in plain words. */
const MAX_EXPLAINED_BYTES = 65_536;

/** What vLLM says of a body in which no model could be found. */
export function explainBody(body: Buffer): Refusal {
  const plain = new Refusal(
    400,
    "Bad Request",
    "1 validation error:\n  The body is not a JSON object with a model.",
    "body",
  );
  if (body.length > MAX_EXPLAINED_BYTES) return plain;
  try {
    strictly.read(body, "application/json");
  } catch (error) {
    // What vLLM's framework refuses before vLLM sees it has no words that would help.
    if (error instanceof Refusal && !(error instanceof UnreadableBody)) return error;
  }
  return plain;
}

/** Answers with the refusal. Does nothing once an answer has begun. */
export function refuse(
  response: ServerResponse,
  refusal: Refusal,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (response.headersSent || response.destroyed) return;
  const body = JSON.stringify(refusal.body);
  response.writeHead(refusal.status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    ...headers,
  });
  response.end(body);
}

/** vLLM answers a missing or wrong key with a bare string, not in the shape of its other errors. */
export function refuseUnauthorized(response: ServerResponse): void {
  const body = '{"error":"Unauthorized"}';
  response.writeHead(401, {
    "content-type": "application/json",
    "content-length": body.length,
    "www-authenticate": "Bearer",
    connection: "close",
  });
  response.end(body);
}
