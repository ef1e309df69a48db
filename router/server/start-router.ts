/** Starts the reference router: a data port and an admin port around a decision. */
import { RealClock, type Clock } from "../../fixtures/clock.ts";
import type { FunctionRouter } from "../../fixtures/routing.ts";
import { cl100k } from "../../fixtures/tokenizer/cl100k.ts";
import type { Tokenizer } from "../../fixtures/tokenizer/tokenizer.ts";
import type { LookAtPod } from "../core/pod-view.ts";
import type { Strategy } from "../core/strategies/strategy.ts";
import { adminPort } from "./admin/admin-port.ts";
import { ADMIN_SOURCE } from "./admin/admin-routes.ts";
import { atMost } from "./at-most.ts";
import { dataPort } from "./proxy/data-port.ts";
import { DecisionLog } from "./reporting/decision-log.ts";
import type { Log } from "./reporting/log.ts";
import { lookAtPod } from "./pods/look-at-pod.ts";
import { PodSources } from "./pods/pod-sources.ts";
import { podSpec, type PodInput } from "./pods/pod-spec.ts";
import { openPorts, type PortOptions } from "./http/ports.ts";
import { PromptReader } from "./proxy/prompt-tokens.ts";
import { RetryBudget } from "./proxy/retry-budget.ts";
import { RouterMetrics } from "./reporting/router-metrics.ts";
import { SegmentCache } from "./proxy/segment-cache.ts";
import { DEFAULT_SETTINGS, type LiveSettings } from "./settings.ts";
import { watchedPods, type PodOptions } from "./pods/watched-pods.ts";

type Decision = FunctionRouter & { readonly strategy?: Strategy };

/** Everything but `router` has a default. */
export interface RouterOptions extends PortOptions, PodOptions {
  /** The decision; with its `strategy`, the admin port can show what it knows. */
  readonly router: Decision | ((look: LookAtPod) => Decision);
  readonly pods?: readonly PodInput[];
  /** The decision's time. Sockets, probes and timeouts live by the machine's. */
  readonly clock?: Clock;
  /** For prompts that come as text. Default cl100k_base. */
  readonly tokenizer?: Tokenizer;
  /** Retries earned per request, default 0.2; ten a second are free. */
  readonly retryRatio?: number;
  /** To begin with; {@link RunningRouter.change} changes them. */
  readonly settings?: Partial<LiveSettings>;
  /** Told of what happens. Default: nobody is. */
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

const TICK_MS = 1000;
const SEGMENT_CACHE_BYTES = 64 * 2 ** 20;
const REMEMBERED_DECISIONS = 2000;

/** @throws {OperationalError} USAGE for a bad pod, PORT_IN_USE when a port cannot be bound */
export async function startRouter(options: RouterOptions): Promise<RunningRouter> {
  const { clock = new RealClock(), log = () => {} } = options;
  const router =
    typeof options.router === "function"
      ? options.router((name) => lookAtPod(registry.get(name), performance.now()))
      : options.router;
  const firstPods = (options.pods ?? []).map(podSpec);
  const settings: LiveSettings = { ...DEFAULT_SETTINGS, ...options.settings };
  const metrics = new RouterMetrics();
  const decisions = new DecisionLog(REMEMBERED_DECISIONS);
  let draining = false;

  const { registry, probed, onTrouble, stopProbes } = watchedPods(options, { router, clock, metrics, log });
  const sources = new PodSources(registry);
  const metricsPage = (): string =>
    metrics.page({
      pods: registry.all().map(({ name, health, inFlight }) => ({ name, state: health, inFlight })),
      index: router.strategy?.view?.(0, clock.nowMs()),
    });
  const shared = { registry, decisions, metricsPage, settings };
  const { data, admin } = await openPorts(options, {
    data: dataPort({
      ...shared,
      router,
      clock,
      metrics,
      log,
      retryBudget: new RetryBudget({ ratio: options.retryRatio ?? 0.2, minPerSecond: 10 }),
      onPodTrouble: onTrouble,
      prompts: new PromptReader(new SegmentCache(options.tokenizer ?? cl100k, SEGMENT_CACHE_BYTES)),
      draining: () => draining,
    }),
    admin: adminPort({
      ...shared,
      sources,
      probed,
      now: () => clock.nowMs(),
      tree: (limit) => router.strategy?.view?.(limit, clock.nowMs()),
      forget: router.strategy?.forget === undefined ? undefined : (pod) => router.forget?.(pod),
    }),
  });

  let cancelTick = clock.at(clock.nowMs() + TICK_MS, tick);
  function tick(): void {
    router.tick(clock.nowMs());
    cancelTick = clock.at(clock.nowMs() + TICK_MS, tick);
  }
  const newOnesProbed = (): Promise<void> => probed(registry.all().filter(({ health }) => health === "starting"));
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
