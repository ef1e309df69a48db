/** What the operator may ask and change: the pods, what the router believes they hold, why a request went where it went. */
import { Type } from "typebox";
import { checker } from "../../../fixtures/schema.ts";
import { invalidRequest } from "../../../fixtures/wire/errors.ts";
import type { TreeView } from "../../core/prefix-tree/tree-view.ts";
import type { DecisionLog } from "../reporting/decision-log.ts";
import type { PodLink } from "../pods/pod-link.ts";
import type { PodRegistry } from "../pods/pod-registry.ts";
import type { PodSources } from "../pods/pod-sources.ts";
import { normalPodUrl, PodInputSchema, podSpec, podSpecs } from "../pods/pod-spec.ts";
import { refusals } from "../http/refusal.ts";

export interface AdminContext {
  readonly registry: PodRegistry;
  readonly sources: PodSources;
  readonly decisions: DecisionLog;
  /** Resolves when each of these pods was probed once, or after a short while. */
  readonly probed: (pods: readonly PodLink[]) => Promise<void>;
  readonly now: () => number;
  /** Undefined where the strategy keeps no prefix index. */
  readonly tree: (limit: number) => TreeView | undefined;
  /** The named pod holds nothing from now on. Undefined where the strategy cannot forget. */
  readonly forget: ((pod: string) => void) | undefined;
}

/** Under this name the admin port speaks to the sources. */
export const ADMIN_SOURCE = "admin";

const TREE_NODES_SHOWN = 1000;

const checkPod = checker(PodInputSchema);
const checkPods = checker(Type.Array(PodInputSchema));

/** What a handler answers: a status and a JSON value. Refusals are thrown. */
type Answer = readonly [status: number, value: unknown];
/** `rest` is what follows the route's path, decoded. */
type AdminHandler = (asked: {
  readonly rest: string;
  readonly query: URLSearchParams;
  readonly body: unknown;
}) => Answer | Promise<Answer>;

/** By path and method. A path that ends in a slash takes whatever follows it. */
export type AdminRoutes = Readonly<Record<string, Readonly<Record<string, AdminHandler>>>>;

export function adminRoutes(context: AdminContext): AdminRoutes {
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
