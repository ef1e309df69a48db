/**
 * Pods from Kubernetes EndpointSlices: the ready endpoints behind a label selector, followed by list and watch.
 *
 * An endpoint that is not ready, or is terminating, leaves the set: nothing new goes there, and what it is working on
 * finishes. A pod's uid is part of its identity, so a StatefulSet's pod that returns under its old name and address is cold.
 * While the API server is away the last list stays.
 */
import { OperationalError } from "../../../fixtures/operational-error.ts";
import type { PodInput } from "../pods/pod-spec.ts";
import type { PodSink, PodSource } from "./pod-source.ts";

export interface KubernetesOptions {
  readonly namespace: string;
  /** As `kubectl -l` takes it. */
  readonly selector: string;
  /** Default: `KUBECONFIG`, `~/.kube/config`, or the service account of the pod this runs in. */
  readonly kubeconfig?: string;
  /** Pause before a broken list or watch is tried again. */
  readonly retryMs?: number;
}

/** The part of discovery.k8s.io/v1 that is read. */
export interface EndpointSlice {
  readonly metadata?: { readonly name?: string };
  readonly endpoints?: readonly Endpoint[] | null;
  readonly ports?: readonly { readonly name?: string; readonly port?: number }[] | null;
}

interface Endpoint {
  readonly addresses: readonly string[];
  /** Absent means ready. */
  readonly conditions?: { readonly ready?: boolean | null; readonly terminating?: boolean | null };
  readonly targetRef?: {
    readonly kind?: string;
    readonly namespace?: string;
    readonly name?: string;
    readonly uid?: string;
  };
}

/** The few calls made of `@kubernetes/client-node`, an optional dependency. */
interface KubernetesClient {
  readonly KubeConfig: new () => {
    loadFromDefault(): void;
    loadFromFile(path: string): void;
    makeApiClient(api: unknown): {
      listNamespacedEndpointSlice(request: { namespace: string; labelSelector: string }): Promise<unknown>;
    };
  };
  readonly DiscoveryV1Api: unknown;
  readonly makeInformer: (
    config: unknown,
    path: string,
    list: () => Promise<unknown>,
    selector: string,
  ) => {
    on(verb: "change" | "error" | "connect", action: (value: unknown) => void): void;
    start(): Promise<void>;
    stop(): Promise<void>;
    list(): readonly EndpointSlice[];
  };
}

/** @throws {OperationalError} REQUIREMENT_MISSING without the client library, FILE_INVALID for an unusable kubeconfig */
export async function watchKubernetes(options: KubernetesOptions, sink: PodSink): Promise<PodSource> {
  const { namespace, selector, retryMs = 1000 } = options;
  const client = await loadClient();
  const config = new client.KubeConfig();
  try {
    if (options.kubeconfig === undefined) config.loadFromDefault();
    else config.loadFromFile(options.kubeconfig);
  } catch (cause) {
    throw new OperationalError("FILE_INVALID", `kubeconfig: ${(cause as Error).message}`, { cause });
  }
  const api = config.makeApiClient(client.DiscoveryV1Api);
  const informer = client.makeInformer(
    config,
    `/apis/discovery.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/endpointslices`,
    () => api.listNamespacedEndpointSlice({ namespace, labelSelector: selector }),
    selector,
  );

  let stopped = false;
  let last = "";
  let retry: NodeJS.Timeout | undefined;
  let announce: NodeJS.Immediate | undefined;
  // A list arrives as one event per slice: speak once, when all are in.
  informer.on("change", () => {
    announce ??= setImmediate(() => {
      announce = undefined;
      const pods = podsOf(informer.list());
      const now = JSON.stringify(pods);
      if (stopped || now === last) return;
      last = now;
      sink.set(pods);
    });
  });
  const start = (): Promise<void> => informer.start().catch(failed);
  const failed = (error: unknown): void => {
    if (stopped) return;
    sink.log("warn", "kubernetes", { namespace, selector, kept: "the list before", error: String(error) });
    clearTimeout(retry);
    retry = setTimeout(() => void start(), retryMs);
    retry.unref();
  };
  informer.on("error", failed);
  await start();
  return {
    refresh: () => {},
    stop: () => {
      stopped = true;
      clearTimeout(retry);
      void informer.stop();
    },
  };
}

/** `namespace/selector`, e.g. `default/kubernetes.io/service-name=vllm`. @throws {OperationalError} USAGE */
export function parseKubernetes(text: string): { readonly namespace: string; readonly selector: string } {
  const slash = text.indexOf("/");
  const namespace = text.slice(0, Math.max(0, slash));
  const selector = text.slice(slash + 1);
  if (!/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(namespace) || selector === "") {
    throw new OperationalError("USAGE", `${JSON.stringify(text)} is not namespace/label-selector`);
  }
  return { namespace, selector };
}

/** Every ready endpoint once, in order of name; one that two slices list counts once, as Kubernetes warns it may happen. */
export function podsOf(slices: readonly EndpointSlice[]): PodInput[] {
  const pods = new Map<string, PodInput>();
  for (const { endpoints, ports } of slices) {
    const port = (ports?.find(({ name }) => name === "http") ?? ports?.[0])?.port;
    if (port === undefined) continue;
    for (const { addresses, conditions, targetRef } of endpoints ?? []) {
      const [address] = addresses;
      if (address === undefined || conditions?.ready === false || conditions?.terminating === true) continue;
      const url = `http://${address.includes(":") ? `[${address}]` : address}:${port}`;
      const isPod = targetRef?.kind === "Pod" && targetRef.name !== undefined;
      const name = isPod ? `${targetRef.namespace ?? "default"}/${targetRef.name}` : new URL(url).host;
      pods.set(name, { name, url, ...(targetRef?.uid === undefined ? {} : { uid: targetRef.uid }) });
    }
  }
  return [...pods.values()].sort((a, b) => ((a.name ?? "") < (b.name ?? "") ? -1 : 1));
}

async function loadClient(): Promise<KubernetesClient> {
  // A name the compiler does not follow: the package is optional and large, and nobody else needs its types.
  const name: string = "@kubernetes/client-node";
  try {
    return (await import(name)) as KubernetesClient;
  } catch (cause) {
    throw new OperationalError("REQUIREMENT_MISSING", `${name} is not installed; npm install ${name}`, { cause });
  }
}
