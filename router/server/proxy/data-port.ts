/** The port that clients use: OpenAI's surface as vLLM serves it, and whether the router is alive and ready. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { randomUUID } from "node:crypto";
import type { RouteRequest } from "../../../fixtures/routing.ts";
import { Refusal } from "../../../fixtures/wire/errors.ts";
import { sendJson, sendText } from "../http/answer.ts";
import { bearerIsRight } from "../http/bearer.ts";
import { Exchange } from "./exchange.ts";
import type { ExchangeContext } from "./exchange-context.ts";
import type { Handler } from "../http/listener.ts";
import type { PromptReader } from "./prompt-tokens.ts";
import { readBody } from "../http/read-body.ts";
import { explainBody, refusals, refuse, refuseUnauthorized } from "../http/refusal.ts";

export interface DataPortContext extends ExchangeContext {
  readonly prompts: PromptReader;
  readonly metricsPage: () => string;
  /** True once shutdown has begun: no longer ready, and no connection is kept. */
  readonly draining: () => boolean;
}

export function dataPort(context: DataPortContext): Handler {
  const routes: Readonly<Record<string, Readonly<Record<string, Handler>>>> = {
    "/v1/completions": { POST: (request, response) => route(context, request, response, "completion") },
    "/v1/chat/completions": { POST: (request, response) => route(context, request, response, "chat") },
    "/v1/models": {
      GET: (_, response) => sendJson(response, 200, { object: "list", data: context.registry.modelCards() }),
    },
    "/metrics": { GET: (_, response) => sendText(response, context.metricsPage()) },
    "/health": { GET: (_, response) => void response.writeHead(200).end() },
    "/ready": {
      GET: (_, response) => {
        const ready = context.registry.all().filter((pod) => pod.health === "healthy").length;
        const draining = context.draining();
        sendJson(response, ready > 0 && !draining ? 200 : 503, {
          ready: ready > 0 && !draining,
          pods: ready,
          draining,
        });
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
      refuseUnauthorized(response);
    } else if (handler !== undefined) handler(request, response);
    else if (methods !== undefined)
      refuse(response, refusals.wrongMethod(), { allow: Object.keys(methods).join(", ") });
    else refuse(response, refusals.notFound(`${request.method} ${path} is not served here.`));
  };
}

function pathOf(request: IncomingMessage): string {
  const url = request.url ?? "";
  const query = url.indexOf("?");
  return query < 0 ? url : url.slice(0, query);
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
    const model = parsed?.["model"];
    if (parsed === undefined || typeof model !== "string") return deny(explainBody(body));
    if (!registry.mayServe(model))
      return deny(
        refusals.modelUnknown(
          model,
          registry.modelCards().map(({ id }) => id),
        ),
      );
    const { cache_salt: cacheSalt } = parsed;
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
    try {
      new Exchange(context, { request, response, requestId }, { route: asked, body }).start();
    } catch (error) {
      // A defect in the decision costs this request, not the others.
      log("error", "decision failed", { requestId, error: (error as Error).stack });
      deny(new Refusal(500, "InternalServerError", "The decision failed."));
    }
  });
}

/** Undefined when it is no JSON, or no object. */
function parseObject(body: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
