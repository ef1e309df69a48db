/** The router's own "no", in vLLM's error body (0.10.1 and newer), so that a client's error handling works unchanged. */
import type { ServerResponse } from "node:http";

export interface Refusal {
  readonly status: number;
  readonly type: string;
  readonly message: string;
  readonly param?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export const refusals = {
  notJson: (reason: string): Refusal => ({
    status: 400,
    type: "Bad Request",
    message: `1 validation error:\n  {'type': 'json_invalid', 'loc': ('body', 0), 'msg': 'JSON decode error', 'input': {}, 'ctx': {'error': '${reason}'}}`,
    param: "body",
  }),
  notAnObject: (): Refusal => ({
    status: 400,
    type: "Bad Request",
    message: "1 validation error:\n  the body must be a JSON object",
    param: "body",
  }),
  modelMissing: (): Refusal => ({
    status: 400,
    type: "Bad Request",
    message:
      "1 validation error:\n  {'type': 'missing', 'loc': ('body', 'model'), 'msg': 'Field required: a router needs it to choose the pods'}",
    param: "body.model",
  }),
  modelUnknown: (model: string): Refusal => ({
    status: 404,
    type: "NotFoundError",
    message: `The model \`${model}\` does not exist.`,
    param: "model",
  }),
  noRoute: (method: string, path: string): Refusal => ({
    status: 404,
    type: "NotFoundError",
    message: `${method} ${path} is not served here.`,
  }),
  wrongMethod: (allowed: string): Refusal => ({
    status: 405,
    type: "Method Not Allowed",
    message: "Method Not Allowed",
    headers: { allow: allowed },
  }),
  bodyTooLarge: (limitBytes: number): Refusal => ({
    status: 413,
    type: "Request Entity Too Large",
    message: `The body is larger than ${limitBytes} bytes.`,
  }),
  unauthorized: (): Refusal => ({ status: 401, type: "Unauthorized", message: "Unauthorized" }),
  noPod: (model: string): Refusal => ({
    status: 503,
    type: "Service Unavailable",
    message: `No pod is ready for the model \`${model}\`.`,
  }),
  podUnreachable: (pod: string): Refusal => ({
    status: 502,
    type: "Bad Gateway",
    message: `Pod ${pod} could not be reached or broke off before it answered.`,
  }),
  podSilent: (pod: string): Refusal => ({
    status: 504,
    type: "Gateway Timeout",
    message: `Pod ${pod} did not answer in time.`,
  }),
} as const;

export function refusalBody(refusal: Refusal): string {
  const { message, type, param, status } = refusal;
  return JSON.stringify({ error: { message, type, param: param ?? null, code: status } });
}

/** Answers with the refusal; `headers` come on top. Does nothing once an answer has begun. */
export function refuse(
  response: ServerResponse,
  refusal: Refusal,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (response.headersSent || response.destroyed) return;
  const body = refusalBody(refusal);
  response.writeHead(refusal.status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    ...refusal.headers,
    ...headers,
  });
  response.end(body);
}
