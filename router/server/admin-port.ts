/** The operator's port, on the loopback address unless told otherwise: which pods there are, and why a request went where it went. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { Type } from "typebox";
import { OperationalError } from "../../fixtures/operational-error.ts";
import { checker } from "../../fixtures/schema.ts";
import { bearerIsRight } from "./bearer.ts";
import type { TreeView } from "../core/tree-view.ts";
import { json, pathOf, text } from "./data-port.ts";
import type { DecisionLog } from "./decision-log.ts";
import type { PodLink } from "./pod-link.ts";
import type { PodRegistry } from "./pod-registry.ts";
import type { PodSources } from "./pod-sources.ts";
import { normalPodUrl, podSpec, type PodInput } from "./pod-spec.ts";
import type { LiveSettings } from "./settings.ts";
import { readBody } from "./read-body.ts";
import { refusals, refuse, type Refusal } from "./refusal.ts";

export interface AdminPortContext {
  readonly registry: PodRegistry;
  readonly sources: PodSources;
  readonly decisions: DecisionLog;
  /** Resolves when the pod was probed once, or after a short while. */
  readonly probed: (pod: PodLink) => Promise<void>;
  readonly now: () => number;
  readonly metricsPage: () => string;
  /** Undefined where the strategy keeps no tree. */
  readonly tree: (limit: number) => TreeView | undefined;
  readonly settings: LiveSettings;
}

export const PodInputSchema = Type.Object(
  {
    url: Type.String({ minLength: 1 }),
    name: Type.Optional(Type.String({ minLength: 1 })),
    gpu: Type.Optional(Type.String()),
    models: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { minItems: 1 })),
  },
  { additionalProperties: false },
);

const checkPod = checker(PodInputSchema);
const checkPods = checker(Type.Array(PodInputSchema));

const MAX_ADMIN_BODY_BYTES = 1 << 20;

/** Under this name the admin port speaks to the sources. */
export const ADMIN_SOURCE = "admin";

export function adminPort(context: AdminPortContext): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const { adminToken } = context.settings;
    if (adminToken !== undefined && !bearerIsRight(request, adminToken)) {
      return refuse(response, refusals.unauthorized(), { connection: "close" });
    }
    answer(context, request, response).catch((error: unknown) => {
      refuse(response, error instanceof OperationalError ? badInput(error) : internal(error));
    });
  };
}

async function answer(context: AdminPortContext, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = pathOf(request);
  const method = request.method ?? "";
  if (path === "/admin/pods") {
    if (method === "GET") return json(response, 200, { pods: list(context) });
    if (method === "POST") return addPod(context, request, response);
    if (method === "PUT") return replacePods(context, request, response);
    if (method === "DELETE")
      return removePod(context, new URL(request.url ?? "", "http://admin").searchParams.get("url"), response);
    return refuse(response, refusals.wrongMethod("GET, POST, PUT, DELETE"));
  }
  if (path.startsWith("/admin/pods/")) {
    const pod = decode(path.slice("/admin/pods/".length));
    if (method === "DELETE") return removePod(context, pod, response);
    if (method !== "GET") return refuse(response, refusals.wrongMethod("GET, DELETE"));
    const found = find(context, pod);
    return found === undefined ? refuse(response, unknownPod(pod)) : json(response, 200, describe(context, found));
  }
  if (path.startsWith("/admin/explain/")) {
    if (method !== "GET") return refuse(response, refusals.wrongMethod("GET"));
    const id = decode(path.slice("/admin/explain/".length));
    const record = context.decisions.get(id);
    return record === undefined
      ? refuse(response, {
          status: 404,
          type: "NotFoundError",
          message: `No decision is remembered for request ${id}.`,
        })
      : json(response, 200, record);
  }
  if (path === "/admin/tree") {
    if (method !== "GET") return refuse(response, refusals.wrongMethod("GET"));
    const limit = Number(new URL(request.url ?? "", "http://admin").searchParams.get("limit") ?? 1000);
    if (!Number.isInteger(limit) || limit < 1) {
      throw new OperationalError("USAGE", "limit is a whole number of nodes, at least 1");
    }
    const tree = context.tree(limit);
    return tree === undefined ? refuse(response, noTree) : json(response, 200, tree);
  }
  if (path === "/metrics" && method === "GET") return text(response, context.metricsPage());
  if (path === "/health") return void response.writeHead(200).end();
  refuse(response, refusals.noRoute(method, path));
}

async function addPod(context: AdminPortContext, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const input = checkPod(await jsonBody(request), "POST /admin/pods") as PodInput;
  const spec = podSpec(input);
  const sameAddress = context.registry.all().find((pod) => pod.spec.url === spec.url);
  if (sameAddress !== undefined && sameAddress.name !== spec.name) {
    return refuse(response, {
      status: 409,
      type: "Conflict",
      message: `${spec.url} is already pod ${sameAddress.name}; remove it first.`,
    });
  }
  const present = context.registry.get(spec.name);
  context.sources.add(ADMIN_SOURCE, spec);
  const pod = context.registry.get(spec.name);
  if (pod === undefined) throw new Error(`pod ${spec.name} was not added`);
  await context.probed(pod);
  json(response, pod === present ? 200 : 201, describe(context, pod));
}

async function replacePods(
  context: AdminPortContext,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const inputs = checkPods(await jsonBody(request), "PUT /admin/pods") as PodInput[];
  context.sources.setAll(ADMIN_SOURCE, inputs.map(podSpec));
  await Promise.all(context.registry.all().map(context.probed));
  json(response, 200, { pods: list(context) });
}

function removePod(context: AdminPortContext, which: string | null, response: ServerResponse): void {
  const pod = which === null ? undefined : find(context, which);
  if (pod === undefined) return refuse(response, unknownPod(which ?? ""));
  const described = describe(context, pod);
  context.sources.remove(pod.name);
  json(response, 200, { ...described, state: "removed" });
}

function list(context: AdminPortContext): unknown[] {
  const draining = context.registry.draining().map((pod) => ({ ...describe(context, pod), state: "draining" }));
  return [...context.registry.all().map((pod) => describe(context, pod)), ...draining];
}

function describe(context: AdminPortContext, pod: PodLink): Record<string, unknown> {
  const resting = pod.health === "healthy" && !pod.breaker.allows(context.now());
  return {
    name: pod.name,
    url: pod.spec.url,
    gpu: pod.spec.gpu ?? null,
    models: pod.modelNames ?? null,
    state: resting ? "breaker-open" : pod.health,
    inFlight: pod.inFlight,
    source: context.sources.sourceOf(pod.name) ?? null,
    trouble: pod.trouble ?? null,
  };
}

/** By name, or by any spelling of its address that adding it would have taken. */
function find(context: AdminPortContext, which: string): PodLink | undefined {
  let url: string | undefined;
  try {
    url = normalPodUrl(which);
  } catch {
    // Not an address: then it can only be a name.
  }
  return context.registry.find(which, url);
}

async function jsonBody(request: IncomingMessage): Promise<unknown> {
  const body = await new Promise<Buffer | undefined>((resolve) => readBody(request, MAX_ADMIN_BODY_BYTES, resolve));
  if (body === undefined) throw new OperationalError("USAGE", `the body is larger than ${MAX_ADMIN_BODY_BYTES} bytes`);
  try {
    return JSON.parse(body.toString("utf8"));
  } catch (cause) {
    throw new OperationalError("USAGE", `the body is not JSON: ${(cause as Error).message}`, { cause });
  }
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

const unknownPod = (which: string): Refusal => ({
  status: 404,
  type: "NotFoundError",
  message: `There is no pod ${which}.`,
});
const noTree: Refusal = {
  status: 404,
  type: "NotFoundError",
  message: "This strategy keeps no prefix tree.",
};
const badInput = (error: OperationalError): Refusal => ({
  status: 400,
  type: "Bad Request",
  message: error.message,
});
const internal = (error: unknown): Refusal => ({
  status: 500,
  type: "InternalServerError",
  message: (error as Error).message,
});
