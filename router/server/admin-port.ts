/**
 * The operator's port, on the loopback address unless told otherwise: which pods there are, what the router believes they
 * hold, and why a request went where it went.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { Type } from "typebox";
import { OperationalError } from "../../fixtures/operational-error.ts";
import { checker } from "../../fixtures/schema.ts";
import { invalidRequest, Refusal } from "../../fixtures/wire/errors.ts";
import type { TreeView } from "../core/tree-view.ts";
import { bearerIsRight } from "./bearer.ts";
import type { DecisionLog } from "./decision-log.ts";
import { sendJson, sendText } from "./answer.ts";
import type { PodLink } from "./pod-link.ts";
import type { PodRegistry } from "./pod-registry.ts";
import type { PodSources } from "./pod-sources.ts";
import { normalPodUrl, PodInputSchema, podSpec, podSpecs } from "./pod-spec.ts";
import { readBody } from "./read-body.ts";
import { refusals, refuse, refuseUnauthorized } from "./refusal.ts";
import type { LiveSettings } from "./settings.ts";

export interface AdminPortContext {
  readonly registry: PodRegistry;
  readonly sources: PodSources;
  readonly decisions: DecisionLog;
  /** Resolves when each of these pods was probed once, or after a short while. */
  readonly probed: (pods: readonly PodLink[]) => Promise<void>;
  readonly now: () => number;
  readonly metricsPage: () => string;
  /** Undefined where the strategy keeps no prefix index. */
  readonly tree: (limit: number) => TreeView | undefined;
  /** The named pod holds nothing from now on. Undefined where the strategy cannot forget. */
  readonly forget: ((pod: string) => void) | undefined;
  readonly settings: LiveSettings;
}

/** Under this name the admin port speaks to the sources. */
export const ADMIN_SOURCE = "admin";

const MAX_ADMIN_BODY_BYTES = 1 << 20;
const TREE_NODES_SHOWN = 1000;

const checkPod = checker(PodInputSchema);
const checkPods = checker(Type.Array(PodInputSchema));

/** What a handler answers: a status and a JSON value. Refusals are thrown. */
type Answer = readonly [status: number, value: unknown];
/** `rest` is what follows the route's path, decoded. */
type Handler = (asked: {
  readonly rest: string;
  readonly query: URLSearchParams;
  readonly body: unknown;
}) => Answer | Promise<Answer>;

export function adminPort(context: AdminPortContext): (request: IncomingMessage, response: ServerResponse) => void {
  const routes = adminRoutes(context);
  return (request, response) => {
    const { adminToken } = context.settings;
    if (adminToken !== undefined && !bearerIsRight(request, adminToken)) return refuseUnauthorized(response);
    const url = new URL(request.url ?? "/", "http://admin");
    const reads = request.method === "GET" || request.method === "HEAD";
    if (url.pathname === "/health" && reads) return sendText(response, "");
    if (url.pathname === "/metrics" && reads) return sendText(response, context.metricsPage());
    handle(routes, request, response, url).catch((error: unknown) => {
      if (error instanceof Refusal) refuse(response, error);
      else if (error instanceof OperationalError) refuse(response, invalidRequest(error.message, null));
      else refuse(response, new Refusal(500, "InternalServerError", (error as Error).message));
    });
  };
}

async function handle(
  routes: Readonly<Record<string, Readonly<Record<string, Handler>>>>,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
): Promise<void> {
  // A route ending in a slash takes whatever follows it.
  const path = Object.keys(routes).find((route) =>
    route.endsWith("/") ? url.pathname.startsWith(route) : url.pathname === route,
  );
  const methods = path === undefined ? undefined : routes[path];
  if (path === undefined || methods === undefined) throw refusals.notFound(`${url.pathname} is not served here.`);
  const handler = methods[request.method ?? ""] ?? (request.method === "HEAD" ? methods["GET"] : undefined);
  if (handler === undefined)
    return refuse(response, refusals.wrongMethod(), { allow: Object.keys(methods).join(", ") });
  const body = request.method === "POST" || request.method === "PUT" ? await jsonBody(request) : undefined;
  const [status, value] = await handler({
    rest: decode(url.pathname.slice(path.length)),
    query: url.searchParams,
    body,
  });
  sendJson(response, status, value);
}

function adminRoutes(context: AdminPortContext): Readonly<Record<string, Readonly<Record<string, Handler>>>> {
  const { registry, sources, decisions, probed, tree, forget } = context;
  const describe = (pod: PodLink): Record<string, unknown> => ({
    name: pod.name,
    url: pod.spec.url,
    gpu: pod.spec.gpu ?? null,
    models: pod.modelNames ?? null,
    state: pod.health === "healthy" && !pod.breaker.allows(context.now()) ? "breaker-open" : pod.health,
    inFlight: pod.inFlight,
    source: sources.sourceOf(pod.name) ?? null,
    trouble: pod.trouble ?? null,
  });
  const list = (): unknown => ({
    pods: [
      ...registry.all().map(describe),
      ...registry.draining().map((pod) => ({ ...describe(pod), state: "draining", source: null })),
    ],
  });
  /** By name, or by any spelling of its address that adding it would have taken. */
  const find = (which: string): PodLink => {
    const pod = registry.get(which) ?? registry.all().find(({ spec }) => spec.url === addressOf(which));
    if (pod === undefined) throw refusals.notFound(`There is no pod ${which}.`);
    return pod;
  };
  const remove = (which: string): Answer => {
    const pod = find(which);
    sources.remove(pod.name);
    return [200, { ...describe(pod), state: "removed" }];
  };
  return {
    "/admin/pods": {
      GET: () => [200, list()],
      POST: async ({ body }) => {
        const spec = podSpec(checkPod(body, "POST /admin/pods"));
        const holder = registry.all().find((pod) => pod.spec.url === spec.url);
        if (holder !== undefined && holder.name !== spec.name) {
          throw refusals.conflict(`${spec.url} is already pod ${holder.name}; remove it first.`);
        }
        const before = registry.get(spec.name);
        sources.add(ADMIN_SOURCE, spec);
        const pod = find(spec.name);
        await probed([pod]);
        return [pod === before ? 200 : 201, describe(pod)];
      },
      PUT: async ({ body }) => {
        sources.setAll(ADMIN_SOURCE, podSpecs(checkPods(body, "PUT /admin/pods")));
        await probed(registry.all());
        return [200, list()];
      },
      DELETE: ({ query }) => {
        const url = query.get("url");
        if (url === null) throw invalidRequest("which pod? DELETE /admin/pods/NAME or /admin/pods?url=URL", "url");
        return remove(url);
      },
    },
    "/admin/pods/": {
      GET: ({ rest }) => [200, describe(find(rest))],
      DELETE: ({ rest }) => remove(rest),
    },
    "/admin/explain/": {
      GET: ({ rest }) => {
        const record = decisions.get(rest);
        if (record === undefined) throw refusals.notFound(`No decision is remembered for request ${rest}.`);
        return [200, record];
      },
    },
    "/admin/tree": {
      GET: ({ query }) => {
        const limit = Number(query.get("limit") ?? TREE_NODES_SHOWN);
        if (!Number.isInteger(limit) || limit < 1)
          throw invalidRequest("limit is a number of nodes, at least 1", "limit");
        const view = tree(limit);
        if (view === undefined) throw refusals.notFound("This strategy keeps no prefix index.");
        return [200, view];
      },
      DELETE: ({ query }) => {
        if (forget === undefined) throw refusals.notFound("This strategy has nothing that it could forget.");
        const which = query.get("pod");
        const forgotten = (which === null ? registry.all() : [find(which)]).map(({ name }) => name);
        for (const name of forgotten) forget(name);
        return [200, { forgotten }];
      },
    },
  };
}

/** Undefined when it is no address: then it can only be a name. */
function addressOf(which: string): string | undefined {
  try {
    return normalPodUrl(which);
  } catch {
    return undefined;
  }
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
