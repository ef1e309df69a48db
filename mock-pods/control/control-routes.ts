/** What a pod serves beside vLLM's API: its metrics, and `/__pod/` for tests that live in another process. */
import { Type } from "typebox";
import { OperationalError } from "../../fixtures/operational-error.ts";
import { checker, parseJson } from "../../fixtures/schema.ts";
import type { ActiveFaults } from "../faults/active-faults.ts";
import { checkFault } from "../faults/fault.ts";
import type { InProcessPod, JournalEntry } from "../pod/pod.ts";
import { json, type Answer } from "../server/http/answer.ts";
import type { Exchange } from "../server/http/exchange.ts";
import type { Route } from "../server/routes.ts";

/** What the routes may ask of the pod. */
export interface ControlledPod extends InProcessPod {
  readonly faults: ActiveFaults;
  metrics(): Promise<Answer>;
}

export function controlRoutes(pod: ControlledPod): readonly Route[] {
  return [
    { methods: ["GET"], path: "/metrics", handle: () => pod.metrics() },
    { methods: ANY_METHOD, path: "/metrics", handle: () => mountedMetrics(pod) },
    { methods: [...ANY_METHOD, "GET"], path: "/metrics/*", handle: () => mountedMetrics(pod) },
    { methods: ["GET", "POST", "DELETE"], path: "/__pod/*", handle: (exchange) => control(pod, exchange) },
  ];
}

const ANY_METHOD = ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "QUERY"];

/** vLLM mounts the page a second time, in the exporter's own dress, where any method and any path below finds it. */
async function mountedMetrics(pod: ControlledPod): Promise<Answer> {
  const page = await pod.metrics();
  return page.status === 200
    ? { ...page, contentType: "text/plain; version=0.0.4; charset=utf-8", chunked: true }
    : page;
}

type Control = (pod: ControlledPod, exchange: Exchange) => unknown;

const CONTROLS: Readonly<Record<string, Control>> = {
  "GET /__pod/": ({ name, model, profile }) => ({ name, model, profile, controls: Object.keys(CONTROLS) }),
  "GET /__pod/stats": (pod) => pod.stats(),
  "GET /__pod/running": (pod) => pod.running(),
  "GET /__pod/queue": (pod) => pod.queue(),
  "GET /__pod/blocks": (pod) => pod.blocks(),
  "POST /__pod/holds-prefix": (pod, { body }) => ({ tokens: pod.holdsPrefix(checkPrefix(body).prompt) }),
  "GET /__pod/journal": (pod) => pod.journal().map(entryAsJson),
  "DELETE /__pod/journal": (pod) => pod.clearJournal(),
  "GET /__pod/arrivals": async (pod, { query }) => {
    const count = wholeNumber(query, "count");
    await pod.waitForArrivals(count);
    return { arrivals: count };
  },
  "POST /__pod/hold": (pod) => pod.hold(),
  "POST /__pod/release": (pod) => pod.release(),
  "POST /__pod/step": (pod) => pod.stepOnce(),
  "GET /__pod/faults": (pod) => pod.faults.list().map(({ id, fault }) => ({ id, fault })),
  "POST /__pod/faults": (pod, { body }) => ({ id: pod.faults.inject(checkFault(bodyAsJson(body), "body")) }),
  "DELETE /__pod/faults": (pod, { query }) => {
    if (!query.has("id")) return pod.faults.clear();
    const id = wholeNumber(query, "id");
    if (!pod.faults.remove(id)) throw new OperationalError("USAGE", `no fault ${id}; GET /__pod/faults lists them`);
    return undefined;
  },
  "POST /__pod/reset": (pod) => pod.reset(),
};

async function control(pod: ControlledPod, exchange: Exchange): Promise<Answer> {
  const handle = CONTROLS[`${exchange.method} ${exchange.path}`];
  if (handle === undefined) {
    return refusal(404, `no ${exchange.method} ${exchange.path}; there are ${Object.keys(CONTROLS).join(", ")}`);
  }
  try {
    return json(200, (await handle(pod, exchange)) ?? { done: true });
  } catch (error) {
    if (error instanceof OperationalError) return refusal(400, error.message);
    throw error;
  }
}

function refusal(status: 400 | 404, message: string): Answer {
  const type = status === 400 ? "BadRequestError" : "NotFoundError";
  return json(status, { error: { message, type, param: null, code: status } });
}

const PrefixQuery = checker(
  Type.Object(
    { prompt: Type.Union([Type.String(), Type.Array(Type.Integer({ minimum: 0 }))]) },
    { additionalProperties: false },
  ),
);

function checkPrefix(body: Uint8Array): { readonly prompt: string | number[] } {
  return PrefixQuery(bodyAsJson(body), "body");
}

function bodyAsJson(body: Uint8Array): unknown {
  return parseJson(new TextDecoder().decode(body), "body");
}

function wholeNumber(query: URLSearchParams, name: string): number {
  const text = query.get(name) ?? "";
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new OperationalError("USAGE", `${name} "${text}" in the query; give a whole number`);
}

/** Bodies as text; as base64 when they are no UTF-8. */
function entryAsJson({ body, ...entry }: JournalEntry): unknown {
  try {
    return { ...entry, body: new TextDecoder("utf-8", { fatal: true }).decode(body) };
  } catch {
    return { ...entry, bodyBase64: btoa(Array.from(body, (byte) => String.fromCharCode(byte)).join("")) };
  }
}
