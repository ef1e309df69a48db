/** The operator's port, on the loopback address unless told otherwise: JSON in, JSON out, behind its token. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { OperationalError } from "../../../fixtures/operational-error.ts";
import { invalidRequest, Refusal } from "../../../fixtures/wire/errors.ts";
import { adminRoutes, type AdminContext, type AdminRoutes } from "./admin-routes.ts";
import { sendJson, sendText } from "../http/answer.ts";
import { bearerIsRight } from "../http/bearer.ts";
import type { Handler } from "../http/listener.ts";
import { readBody } from "../http/read-body.ts";
import { refusals, refuse, refuseUnauthorized } from "../http/refusal.ts";
import type { LiveSettings } from "../settings.ts";

export interface AdminPortContext extends AdminContext {
  readonly metricsPage: () => string;
  readonly settings: LiveSettings;
}

const MAX_ADMIN_BODY_BYTES = 1 << 20;

export function adminPort(context: AdminPortContext): Handler {
  const routes = adminRoutes(context);
  return (request, response) => {
    const { adminToken } = context.settings;
    if (adminToken !== undefined && !bearerIsRight(request, adminToken)) return refuseUnauthorized(response);
    const { pathname, searchParams } = targetOf(request);
    const reads = request.method === "GET" || request.method === "HEAD";
    if (pathname === "/health" && reads) return sendText(response, "");
    if (pathname === "/metrics" && reads) return sendText(response, context.metricsPage());
    handle(routes, request, response, pathname, searchParams).catch((error: unknown) => {
      if (error instanceof Refusal) refuse(response, error);
      else if (error instanceof OperationalError) refuse(response, invalidRequest(error.message, null));
      else refuse(response, new Refusal(500, "InternalServerError", (error as Error).message));
    });
  };
}

/** Not by `URL`, which takes what stands between two slashes for a host. */
function targetOf({ url = "/" }: IncomingMessage): {
  readonly pathname: string;
  readonly searchParams: URLSearchParams;
} {
  const query = url.indexOf("?");
  if (query < 0) return { pathname: url, searchParams: new URLSearchParams() };
  return { pathname: url.slice(0, query), searchParams: new URLSearchParams(url.slice(query)) };
}

async function handle(
  routes: AdminRoutes,
  request: IncomingMessage,
  response: ServerResponse,
  pathname: string,
  query: URLSearchParams,
): Promise<void> {
  const path = Object.keys(routes).find((route) =>
    route.endsWith("/") ? pathname.startsWith(route) : pathname === route,
  );
  const methods = path === undefined ? undefined : routes[path];
  if (path === undefined || methods === undefined) throw refusals.notFound(`${pathname} is not served here.`);
  const handler = methods[request.method ?? ""] ?? (request.method === "HEAD" ? methods["GET"] : undefined);
  if (handler === undefined)
    return refuse(response, refusals.wrongMethod(), { allow: Object.keys(methods).join(", ") });
  const body = request.method === "POST" || request.method === "PUT" ? await jsonBody(request) : undefined;
  const [status, value] = await handler({ rest: decode(pathname.slice(path.length)), query, body });
  sendJson(response, status, value);
}

async function jsonBody(request: IncomingMessage): Promise<unknown> {
  const body = await new Promise<Buffer | undefined>((resolve) => readBody(request, MAX_ADMIN_BODY_BYTES, resolve));
  if (body === undefined) throw refusals.bodyTooLarge(MAX_ADMIN_BODY_BYTES);
  try {
    return JSON.parse(body.toString("utf8"));
  } catch (cause) {
    throw invalidRequest(`the body is not JSON: ${(cause as Error).message}`, null);
  }
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
