/** Starts the reference router: a data port and an admin port around a decision. */
import { cl100k } from "../../fixtures/tokenizer/cl100k.ts";
import type { Tokenizer } from "../../fixtures/tokenizer/tokenizer.ts";
import { RealClock, type Clock } from "../../fixtures/clock.ts";
import type { FunctionRouter } from "../../fixtures/routing.ts";
import { adminPort } from "./admin-port.ts";
import { dataPort } from "./data-port.ts";
import { DecisionLog } from "./decision-log.ts";
import { listen } from "./listener.ts";
import { PodRegistry } from "./pod-registry.ts";
import { PodProbe } from "./pod-probe.ts";
import { podSpec, type PodInput } from "./pod-spec.ts";
import { PromptReader } from "./prompt-tokens.ts";
import { RetryBudget } from "./retry-budget.ts";
import { SegmentCache } from "./segment-cache.ts";
import type { PodLink } from "./pod-link.ts";

/** Everything but `router` has a default that suits one fleet on one network. */
export interface RouterOptions {
  /** The decision. */
  readonly router: FunctionRouter;
  readonly pods?: readonly PodInput[];
  readonly host?: string;
  /** 0, the default, lets the system choose. */
  readonly port?: number;
  readonly adminHost?: string;
  readonly adminPort?: number;
  /** The decision's time. Sockets, probes and timeouts live by the machine's. */
  readonly clock?: Clock;
  readonly tokenizer?: Tokenizer;
  /** Prices pods that name no GPU. */
  readonly defaultGpu?: string;
  readonly maxBodyBytes?: number;
  readonly maxRetries?: number;
  readonly connectMs?: number;
  readonly firstByteMs?: number;
  readonly idleMs?: number;
  readonly probeMs?: number;
  /** Failures in a row that open a pod's breaker, and how long it then rests. */
  readonly breakerFailures?: number;
  readonly breakerOpenMs?: number;
  readonly apiKey?: string;
  readonly adminToken?: string;
}

export interface RunningRouter {
  readonly url: string;
  readonly adminUrl: string;
  /** Makes the fleet exactly these pods; resolves when each new one has been probed once. */
  setPods(pods: readonly PodInput[]): Promise<void>;
  /** Stops accepting, lets every answer finish for at most `graceMs`, then cuts the rest. */
  drain(graceMs: number): Promise<void>;
  close(): Promise<void>;
}

/** An add or a start waits this long for a pod's first probe; a slow pod joins later by itself. */
const FIRST_PROBE_MS = 2000;
const TICK_MS = 1000;
const SEGMENT_CACHE_CHARS = 32 * 2 ** 20;
const REMEMBERED_DECISIONS = 2000;

/** @throws {OperationalError} USAGE for a bad pod, PORT_IN_USE when a port cannot be bound */
export async function startRouter(options: RouterOptions): Promise<RunningRouter> {
  const { router, clock = new RealClock() } = options;
  const specs = (options.pods ?? []).map(podSpec);
  const probes = new Map<PodLink, PodProbe>();
  let draining = false;

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
        intervalMs: options.probeMs ?? 5000,
        timeoutMs: 2000,
        failures: 2,
        onChange: () => registry.announce(),
      });
      probes.set(pod, probe);
      void probe.now();
    },
    onRemove: (pod) => {
      probes.get(pod)?.stop();
      probes.delete(pod);
    },
  });
  const probed = async (pod: PodLink): Promise<void> => {
    await Promise.race([probes.get(pod)?.now(), new Promise((resolve) => setTimeout(resolve, FIRST_PROBE_MS).unref())]);
  };

  const decisions = new DecisionLog(REMEMBERED_DECISIONS);
  const handleData = dataPort({
    router,
    clock,
    registry,
    decisions,
    retryBudget: new RetryBudget({ ratio: 0.2, minPerSecond: 10 }),
    maxRetries: options.maxRetries ?? 2,
    dropAuthorization: options.apiKey !== undefined,
    onPodTrouble: (pod, error) => {
      pod.trouble = error.message;
      // Nobody listens there: the process is gone, and its cache with it. Anything else may be a blip.
      pod.health = (error as NodeJS.ErrnoException).code === "ECONNREFUSED" ? "unhealthy" : "suspect";
      registry.announce();
      void probes.get(pod)?.now();
    },
    prompts: new PromptReader(new SegmentCache(options.tokenizer ?? cl100k, SEGMENT_CACHE_CHARS)),
    maxBodyBytes: options.maxBodyBytes ?? 64 * 2 ** 20,
    apiKey: options.apiKey,
    draining: () => draining,
  });
  const handleAdmin = adminPort({
    registry,
    decisions,
    probed,
    now: () => clock.nowMs(),
    token: options.adminToken,
  });

  const host = options.host ?? "127.0.0.1";
  const data = await listen(handleData, { host, port: options.port ?? 0, what: "clients" });
  const admin = await listen(handleAdmin, {
    host: options.adminHost ?? "127.0.0.1",
    port: options.adminPort ?? 0,
    what: "the admin port",
  }).catch(async (error: unknown) => {
    data.destroy();
    await data.drain();
    throw error;
  });

  let cancelTick = clock.at(clock.nowMs() + TICK_MS, tick);
  function tick(): void {
    router.tick(clock.nowMs());
    cancelTick = clock.at(clock.nowMs() + TICK_MS, tick);
  }

  const setPods = async (pods: readonly PodInput[]): Promise<void> => {
    registry.replace(pods.map(podSpec));
    await Promise.all(
      registry
        .all()
        .filter(({ health }) => health === "starting")
        .map(probed),
    );
  };
  await setPods(specs);

  const close = async (): Promise<void> => {
    draining = true;
    cancelTick();
    for (const probe of probes.values()) probe.stop();
    const closed = Promise.all([data.drain(), admin.drain()]);
    data.destroy();
    admin.destroy();
    await closed;
    await registry.close();
  };
  return {
    url: data.url,
    adminUrl: admin.url,
    setPods,
    close,
    drain: async (graceMs) => {
      draining = true;
      await Promise.race([data.drain(), new Promise((resolve) => setTimeout(resolve, graceMs))]);
      await close();
    },
  };
}
