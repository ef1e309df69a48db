/** Starts the reference router: a data port and an admin port around a decision. */
import { RealClock, type Clock } from "../../fixtures/clock.ts";
import type { FunctionRouter } from "../../fixtures/routing.ts";
import { cl100k } from "../../fixtures/tokenizer/cl100k.ts";
import type { Tokenizer } from "../../fixtures/tokenizer/tokenizer.ts";
import type { LookAtPod, PodView } from "../core/pod-view.ts";
import type { Strategy } from "../core/strategy.ts";
import { viewTree } from "../core/tree-view.ts";
import { ADMIN_SOURCE, adminPort } from "./admin-port.ts";
import { dataPort } from "./data-port.ts";
import { DecisionLog } from "./decision-log.ts";
import { listen } from "./listener.ts";
import type { Log } from "./log.ts";
import type { PodLink } from "./pod-link.ts";
import { isRefused, PodProbe } from "./pod-probe.ts";
import { PodRegistry } from "./pod-registry.ts";
import { PodSources } from "./pod-sources.ts";
import { podSpec, type PodInput } from "./pod-spec.ts";
import { PromptReader } from "./prompt-tokens.ts";
import { RetryBudget } from "./retry-budget.ts";
import { RouterMetrics } from "./router-metrics.ts";
import { SegmentCache } from "./segment-cache.ts";
import { DEFAULT_SETTINGS, type LiveSettings } from "./settings.ts";

type Decision = FunctionRouter & { readonly strategy?: Strategy };

/** Everything but `router` has a default that suits one fleet on one network. */
export interface RouterOptions {
  /** The decision; with its `strategy`, the admin port can show the prefix tree. */
  readonly router: Decision | ((look: LookAtPod) => Decision);
  /** Keeps the pods' KV cache usage known to `look`, by reading their metrics pages once a second. */
  readonly readMetrics?: boolean;
  readonly pods?: readonly PodInput[];
  readonly host?: string;
  /** 0, the default, lets the system choose. */
  readonly port?: number;
  readonly adminHost?: string;
  /** 0, the default, lets the system choose; a data port on loopback then answers `/admin/` as well. */
  readonly adminPort?: number;
  /** The decision's time. Sockets, probes and timeouts live by the machine's. */
  readonly clock?: Clock;
  readonly tokenizer?: Tokenizer;
  /** Prices pods that name no GPU. */
  readonly defaultGpu?: string;
  readonly connectMs?: number;
  /** From the request sent to the first byte of the answer. */
  readonly firstByteMs?: number;
  /** Between two pieces of an answer. */
  readonly idleMs?: number;
  readonly probeMs?: number;
  readonly probeTimeoutMs?: number;
  /** Failures in a row that open a pod's breaker, and how long it then rests. */
  readonly breakerFailures?: number;
  readonly breakerOpenMs?: number;
  /** Retries earned per request; ten a second are free. */
  readonly retryRatio?: number;
  readonly settings?: Partial<LiveSettings>;
  readonly log?: Log;
}

export interface RunningRouter {
  readonly url: string;
  readonly adminUrl: string;
  /** Makes the fleet exactly these pods; resolves when each new one has been probed once. */
  setPods(pods: readonly PodInput[]): Promise<void>;
  /**
   * For one source of discovery: its pods are now exactly these, whatever other sources say of theirs.
   *
   * @throws {OperationalError} at once when a pod is not one; nothing has changed then
   */
  setPodsOf(source: string, pods: readonly PodInput[]): Promise<void>;
  /** Takes effect with the next request. */
  change(settings: Partial<LiveSettings>): void;
  /** Stops accepting, lets every answer finish for at most `graceMs`, then cuts the rest. */
  drain(graceMs: number): Promise<void>;
  close(): Promise<void>;
}

/** Under this name `pods` speak to the sources. */
export const STATIC_SOURCE = "static";

/** An add or a start waits this long for a pod's first probe; a slow pod joins later by itself. */
const FIRST_PROBE_MS = 2000;
const TICK_MS = 1000;
const METRICS_MS = 1000;
/** Older than this, a figure from a metrics page says nothing (llm-d-router #2514: not shorter than the scrape interval). */
const METRICS_STALE_MS = 5 * METRICS_MS;
const SEGMENT_CACHE_BYTES = 64 * 2 ** 20;
const REMEMBERED_DECISIONS = 2000;

/** @throws {OperationalError} USAGE for a bad pod, PORT_IN_USE when a port cannot be bound */
export async function startRouter(options: RouterOptions): Promise<RunningRouter> {
  const { clock = new RealClock(), log = () => {} } = options;
  const router =
    typeof options.router === "function" ? options.router((name) => lookAt(registry.get(name))) : options.router;
  const firstPods = (options.pods ?? []).map(podSpec);
  const settings: LiveSettings = { ...DEFAULT_SETTINGS, ...options.settings };
  const metrics = new RouterMetrics();
  const decisions = new DecisionLog(REMEMBERED_DECISIONS);
  let draining = false;

  const { registry, probed, probeNow, stopProbes } = watchedPods(options, router, clock, metrics, log);
  const sources = new PodSources(registry);
  const metricsPage = (): string =>
    metrics.page({
      pods: registry.all().map(({ name, health, inFlight }) => ({ name, state: health, inFlight })),
      index: router.strategy === undefined ? undefined : viewTree(router.strategy, 1, clock.nowMs()),
    });
  const shared = { registry, decisions, metricsPage, settings };
  const handleData = dataPort({
    ...shared,
    router,
    clock,
    metrics,
    log,
    retryBudget: new RetryBudget({ ratio: options.retryRatio ?? 0.2, minPerSecond: 10 }),
    onPodTrouble: probeNow,
    prompts: new PromptReader(new SegmentCache(options.tokenizer ?? cl100k, SEGMENT_CACHE_BYTES)),
    draining: () => draining,
  });
  const handleAdmin = adminPort({
    ...shared,
    sources,
    probed,
    now: () => clock.nowMs(),
    tree: (limit) => (router.strategy === undefined ? undefined : viewTree(router.strategy, limit, clock.nowMs())),
  });

  const host = options.host ?? "127.0.0.1";
  // Whoever reaches a data port on loopback reaches the admin port too: one address then serves both, unless the admin
  // port was given a place of its own.
  const together = (options.adminPort ?? 0) === 0 && isLoopback(host);
  const handleBoth: typeof handleData = (request, response) =>
    (request.url?.startsWith("/admin/") === true ? handleAdmin : handleData)(request, response);
  const data = await listen(together ? handleBoth : handleData, {
    host,
    port: options.port ?? 0,
    what: "clients",
  });
  const admin = await listen(handleAdmin, {
    host: options.adminHost ?? "127.0.0.1",
    port: options.adminPort ?? 0,
    what: "the admin port",
  }).catch(async (error: unknown) => {
    await data.drain();
    throw error;
  });

  let cancelTick = clock.at(clock.nowMs() + TICK_MS, tick);
  function tick(): void {
    router.tick(clock.nowMs());
    cancelTick = clock.at(clock.nowMs() + TICK_MS, tick);
  }
  const newOnesProbed = async (): Promise<void> => {
    await Promise.all(
      registry
        .all()
        .filter(({ health }) => health === "starting")
        .map(probed),
    );
  };
  // Not async: a pod that is none is thrown at the caller before anything has changed.
  const setPodsOf = (source: string, pods: readonly PodInput[]): Promise<void> => {
    sources.set(source, pods.map(podSpec));
    return newOnesProbed();
  };
  const close = async (): Promise<void> => {
    draining = true;
    cancelTick();
    stopProbes();
    const closed = Promise.all([data.drain(), admin.drain()]);
    data.destroy();
    admin.destroy();
    await closed;
    await registry.close();
  };
  sources.set(STATIC_SOURCE, firstPods);
  await newOnesProbed();
  return {
    url: data.url,
    adminUrl: admin.url,
    setPods: async (pods) => {
      sources.setAll(ADMIN_SOURCE, pods.map(podSpec));
      await newOnesProbed();
    },
    setPodsOf,
    change: (changes) => void Object.assign(settings, changes),
    close,
    drain: async (graceMs) => {
      draining = true;
      await atMost(graceMs, data.drain());
      await close();
    },
  };
}

interface WatchedPods {
  readonly registry: PodRegistry;
  /** Resolves when the pod was probed once, or after a short while. */
  readonly probed: (pod: PodLink) => Promise<void>;
  /** A connection to the pod failed: takes note and finds out how it is. */
  readonly probeNow: (pod: PodLink, error: Error) => void;
  readonly stopProbes: () => void;
}

/** A registry whose pods are probed from the moment they join until they leave. */
function watchedPods(
  options: RouterOptions,
  router: FunctionRouter,
  clock: Clock,
  metrics: RouterMetrics,
  log: Log,
): WatchedPods {
  const { readMetrics = false, probeMs = 5000 } = options;
  const probes = new Map<PodLink, PodProbe>();
  const registry = new PodRegistry({
    timeouts: {
      connectMs: options.connectMs ?? 2000,
      firstByteMs: options.firstByteMs ?? 600_000,
      idleMs: options.idleMs ?? 900_000,
    },
    breaker: { failures: options.breakerFailures ?? 5, openMs: options.breakerOpenMs ?? 2000 },
    defaultGpu: options.defaultGpu,
    onReadyChange: (pods) => router.setPods(pods, clock.nowMs()),
    onAdd: (pod) => {
      const probe = new PodProbe(pod, {
        intervalMs: readMetrics ? Math.min(probeMs, METRICS_MS) : probeMs,
        readMetrics,
        timeoutMs: options.probeTimeoutMs ?? 5000,
        failures: 2,
        onChange: () => {
          const { name, health, trouble, modelNames } = pod;
          log(health === "healthy" ? "info" : "warn", "pod", { pod: name, health, models: modelNames, trouble });
          registry.announce();
        },
      });
      probes.set(pod, probe);
      // A pod that crashed resets its idle connections; so does one that only tires of them.
      pod.pool.on("disconnect", () => probe.soon());
      void probe.now();
    },
    onRemove: (pod) => {
      probes.get(pod)?.stop();
      probes.delete(pod);
      log("info", "pod", { pod: pod.name, health: "removed", inFlight: pod.inFlight });
    },
    onGone: (pod) => {
      if (registry.get(pod.name) === undefined) metrics.podRemoved(pod.name);
    },
  });
  return {
    registry,
    probed: (pod) => atMost(FIRST_PROBE_MS, probes.get(pod)?.now()),
    probeNow: (pod, error) => {
      pod.trouble = error.message;
      pod.health = isRefused(error) ? "unhealthy" : "suspect";
      log("warn", "pod", { pod: pod.name, health: pod.health, trouble: pod.trouble });
      registry.announce();
      void probes.get(pod)?.now();
    },
    stopProbes: () => {
      for (const probe of probes.values()) probe.stop();
    },
  };
}

function lookAt(pod: PodLink | undefined): PodView | undefined {
  const usage = pod?.kvUsage;
  const isFresh = usage !== undefined && performance.now() - usage.atMs < METRICS_STALE_MS;
  return isFresh ? { kvUsageRatio: usage.ratio } : undefined;
}

/** Resolves when `work` is done or `limitMs` have passed. */
async function atMost(limitMs: number, work: Promise<void> | undefined): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => (timer = setTimeout(resolve, limitMs)));
  await Promise.race([work, limit]);
  clearTimeout(timer);
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}
