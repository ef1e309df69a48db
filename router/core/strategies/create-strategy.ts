/** Every strategy by its name. */
import type { Random } from "../../../fixtures/random.ts";
import { Aibrix719 } from "../aibrix-719/aibrix-719.ts";
import { DEFAULT_GPU, LOAD_WINDOW_MS, type Mode, type StrategyName } from "../options.ts";
import type { LookAtPod } from "../pod-view.ts";
import { Preble } from "../preble/preble.ts";
import type { Strategy } from "./strategy.ts";
import { CacheAware } from "./cache-aware.ts";
import { leastRequest } from "./least-request.ts";
import { LeastKvCache } from "./least-kv-cache.ts";
import { Oracle } from "./oracle.ts";
import { PowerOfTwo } from "./power-of-two.ts";
import { PrefixCacheAndLoad, type PrefixCacheAndLoadOptions } from "./prefix-cache-and-load.ts";
import { PrefixHash } from "./prefix-hash.ts";
import { random as anyPod } from "./random.ts";
import { RoundRobin } from "./round-robin.ts";

export interface StrategyOptions {
  /** Default `prefix-cache-and-load`. */
  readonly strategy?: StrategyName;
  /** Of `prefix-cache-and-load`. Default `corrected`. */
  readonly mode?: Mode;
  /** Share of the prompt above which prefix strategies go by prefix; each strategy has its own default. */
  readonly threshold?: number;
  /** Latency profile of pods that name none. */
  readonly defaultGpu?: string;
  /** For how long a request counts as load after it was placed. Default three minutes. */
  readonly windowMs?: number;
  /** After which the index forgets what was not used. Default five minutes. */
  readonly ttlMs?: number;
  /** Bound of the prefix index. Default 16 Mi. */
  readonly capacityTokens?: number;
  /** For `least-kv-cache` and `oracle`. */
  readonly lookAtPod?: LookAtPod;
}

/** @throws {OperationalError} UNKNOWN_PROFILE when the default GPU has no latency profile */
export function createStrategy(options: StrategyOptions, random: Random): Strategy {
  const {
    threshold,
    ttlMs = 5 * 60_000,
    windowMs = LOAD_WINDOW_MS,
    capacityTokens = 16 * 1024 * 1024,
    mode = "corrected",
    defaultGpu = DEFAULT_GPU,
    lookAtPod = () => undefined,
  } = options;
  switch (options.strategy ?? "prefix-cache-and-load") {
    case "prefix-cache-and-load":
      return prefixCacheAndLoad(mode, defaultGpu, { threshold: threshold ?? 0.5, windowMs, ttlMs, capacityTokens });
    case "round-robin":
      return new RoundRobin();
    case "random":
      return anyPod;
    case "least-request":
      return leastRequest;
    case "least-kv-cache":
      return new LeastKvCache(lookAtPod);
    case "power-of-two":
      return new PowerOfTwo(random.stream("router/power-of-two"));
    case "prefix-hash":
      return new PrefixHash({ ttlMs, capacityTokens });
    case "cache-aware":
      return new CacheAware({ threshold: threshold ?? 0.3, ttlMs, capacityTokens });
    case "oracle":
      return new Oracle(lookAtPod);
  }
}

function prefixCacheAndLoad(mode: Mode, gpu: string, options: PrefixCacheAndLoadOptions): Strategy {
  switch (mode) {
    case "corrected":
      return new PrefixCacheAndLoad(options);
    case "aibrix-719":
      return new Aibrix719(gpu);
    case "preble":
      return new Preble(options);
  }
}
