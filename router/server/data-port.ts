/** The port that clients use: OpenAI's surface as vLLM serves it, and whether the router is alive and ready. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { randomUUID } from "node:crypto";
import type { RouteRequest } from "../../fixtures/routing.ts";
import { bearerIsRight } from "./bearer.ts";
import { Exchange, type ExchangeContext } from "./exchange.ts";
import type { PromptReader } from "./prompt-tokens.ts";
import { readBody } from "./read-body.ts";
import { refusals, refuse, type Refusal } from "./refusal.ts";

export interface DataPortContext extends ExchangeContext {
  readonly prompts: PromptReader;
  readonly metricsPage: () => string;
  /** True once shutdown has begun: no longer ready, and no connection is kept. */
  readonly draining: () => boolean;
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export function dataPort(context: DataPortContext): Handler {
  const routes: Readonly<Record<string, Readonly<Record<string, Handler>>>> = {
    "/v1/completions": { POST: (request, response) => route(context, request, response, "completion") },
    "/v1/chat/completions": { POST: (request, response) => route(context, request, response, "chat") },
    "/v1/models": {
      GET: (_, response) => json(response, 200, { object: "list", data: context.registry.modelCards() }),
    },
    "/metrics": { GET: (_, response) => text(response, context.metricsPage()) },
    "/health": { GET: (_, response) => void response.writeHead(200).end() },
    "/ready": {
      GET: (_, response) => {
        const ready = context.registry.all().filter((pod) => pod.health === "healthy").length;
        const draining = context.draining();
        json(response, ready > 0 && !draining ? 200 : 503, { ready: ready > 0 && !draining, pods: ready, draining });
      },
    },
  };
  return (request, response) => {
    if (context.draining()) response.setHeader("connection", "close");
    const path = pathOf(request);
    const methods = routes[path];
    const handler = methods?.[request.method ?? ""] ?? (request.method === "HEAD" ? methods?.["GET"] : undefined);
    const { apiKey } = context.settings;
    if (apiKey !== undefined && path.startsWith("/v1/") && !bearerIsRight(request, apiKey)) {
      refuse(response, refusals.unauthorized(), { connection: "close" });
    } else if (handler !== undefined) handler(request, response);
    else if (methods !== undefined) refuse(response, refusals.wrongMethod(Object.keys(methods).join(", ")));
    else refuse(response, refusals.noRoute(request.method ?? "", path));
  };
}

export function pathOf(request: IncomingMessage): string {
  const url = request.url ?? "";
  const query = url.indexOf("?");
  return query < 0 ? url : url.slice(0, query);
}

export function json(response: ServerResponse, status: number, value: unknown): void {
  const body = JSON.stringify(value);
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
  response.end(body);
}

export function text(response: ServerResponse, body: string): void {
  response.writeHead(200, {
    "content-type": "text/plain; version=0.0.4; charset=utf-8",
    "content-length": Buffer.byteLength(body),
  });
  response.end(body);
}

let sequence = 0;

function route(
  context: DataPortContext,
  request: IncomingMessage,
  response: ServerResponse,
  kind: "completion" | "chat",
): void {
  const sent = request.headers["x-request-id"];
  const requestId = typeof sent === "string" && sent !== "" ? sent : randomUUID();
  const { settings, registry, prompts, metrics, log } = context;
  const deny = (refusal: Refusal, headers: Readonly<Record<string, string>> = {}): void => {
    metrics.answered(refusal.status, "");
    log("info", "refused", { requestId, status: refusal.status, type: refusal.type });
    refuse(response, refusal, { "x-request-id": requestId, ...headers });
  };
  readBody(request, settings.maxBodyBytes, (body) => {
    if (body === undefined) return deny(refusals.bodyTooLarge(settings.maxBodyBytes), { connection: "close" });
    const parsed = parseObject(body);
    if (typeof parsed === "string") return deny(refusals.notJson(parsed));
    if (parsed === undefined) return deny(refusals.notAnObject());
    const { model, cache_salt: cacheSalt } = parsed;
    if (typeof model !== "string" || model === "") return deny(refusals.modelMissing());
    if (!registry.mayServe(model)) return deny(refusals.modelUnknown(model));
    const maxTokens = parsed["max_completion_tokens"] ?? parsed["max_tokens"];
    let tokens: Int32Array | undefined;
    const asked: RouteRequest = {
      // Clients may send one id twice at a time; the decision counts each request for itself (llm-d-router #1147).
      requestId: `${requestId}#${++sequence}`,
      model,
      // Strategies that look at load alone never pay for the tokenizer.
      get prompt() {
        return (tokens ??= kind === "completion" ? prompts.completion(parsed["prompt"]) : prompts.chat(parsed));
      },
      ...(typeof maxTokens === "number" && maxTokens >= 0 ? { maxTokens } : {}),
      ...(typeof cacheSalt === "string" && cacheSalt !== "" ? { cacheSalt } : {}),
    };
    new Exchange(context, { request, response, requestId }, body, asked).start();
  });
}

/** The object; a reason when it is not JSON; undefined when it is JSON but no object. */
function parseObject(body: Buffer): Record<string, unknown> | string | undefined {
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch (error) {
    return (error as Error).message.replaceAll("'", '"');
  }
}
