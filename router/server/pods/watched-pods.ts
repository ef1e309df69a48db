/** A registry whose pods are probed from the moment they join until they leave. */
import { errors } from "undici";
import type { Clock } from "../../../fixtures/clock.ts";
import type { FunctionRouter } from "../../../fixtures/routing.ts";
import { atMost } from "../at-most.ts";
import type { Log } from "../reporting/log.ts";
import { METRICS_MS } from "./look-at-pod.ts";
import type { PodLink } from "./pod-link.ts";
import { isRefused, PodProbe } from "./pod-probe.ts";
import { PodRegistry } from "./pod-registry.ts";
import type { RouterMetrics } from "../reporting/router-metrics.ts";

/** An add or a start waits this long for a pod's first probe; a slow pod joins later by itself. */
const FIRST_PROBE_MS = 2000;

/** How pods are spoken to. Every time limit has a default that suits one fleet on one network. */
export interface PodOptions {
  /** Keeps the pods' KV cache usage known, by reading their metrics pages once a second. */
  readonly readMetrics?: boolean;
  /** Prices pods that name no GPU. */
  readonly defaultGpu?: string;
  /** Default 2,000. */
  readonly connectMs?: number;
  /** From the request sent to the first byte of the answer. Default ten minutes. */
  readonly firstByteMs?: number;
  /** Between two pieces of an answer. Default fifteen minutes. */
  readonly idleMs?: number;
  /** From one probe of a pod to the next. Default 5,000. */
  readonly probeMs?: number;
  /** Default 5,000. */
  readonly probeTimeoutMs?: number;
  /** Failures in a row that open a pod's breaker, and how long it then rests. Default 5 and 2,000. */
  readonly breakerFailures?: number;
  readonly breakerOpenMs?: number;
}

export interface WatchedPods {
  readonly registry: PodRegistry;
  /** Resolves when each of these pods was probed once, or after a short while. */
  readonly probed: (pods: readonly PodLink[]) => Promise<void>;
  /** A connection to the pod failed: takes note and finds out how it is. */
  readonly onTrouble: (pod: PodLink, error: Error) => void;
  readonly stopProbes: () => void;
}

export function watchedPods(
  options: PodOptions,
  { router, clock, metrics, log }: { router: FunctionRouter; clock: Clock; metrics: RouterMetrics; log: Log },
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
        onRestart: () => {
          log("warn", "pod", { pod: pod.name, health: "restarted" });
          router.forget?.(pod.name);
        },
      });
      probes.set(pod, probe);
      // A pod that crashed resets its connections; so does one that only tires of them.
      pod.pool.on("disconnect", (_origin, _targets, error) => {
        if (!isOurDoing(error)) probe.soon();
      });
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
    probed: async (pods) => {
      await Promise.all(pods.map((pod) => atMost(FIRST_PROBE_MS, probes.get(pod)?.now())));
    },
    onTrouble: (pod, error) => {
      pod.trouble = error.message;
      pod.health = isRefused(error) ? "unhealthy" : "suspect";
      log("warn", "pod", { pod: pod.name, health: pod.health, trouble: pod.trouble });
      registry.announce();
      probes.get(pod)?.trouble();
    },
    stopProbes: () => {
      for (const probe of probes.values()) probe.stop();
    },
  };
}

/** A client left, or the connection was idle for too long: that says nothing about the pod. */
function isOurDoing(error: Error): boolean {
  return error instanceof errors.RequestAbortedError || error instanceof errors.InformationalError;
}
