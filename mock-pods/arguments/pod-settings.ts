/** What a pod is, from a card's profile and vLLM's own flags. Flags that only shape answers are read by the HTTP face. */
import { defaultMaxModelLen, kvCapacityBlocks } from "../../fixtures/profiles/kv-capacity.ts";
import { loadProfile, type LatencyProfile } from "../../fixtures/profiles/latency-profile.ts";
import { assertPodClock } from "../../fixtures/profiles/pod-clock.ts";
import { OperationalError } from "../../fixtures/operational-error.ts";
import { ENGINE_DEFAULTS, type EngineConfig } from "../engine/create-engine.ts";
import { type Flags, ratioFlag, shareFlag, wholeFlag } from "./flag-values.ts";
import { kvEventsConfig, type KvEventsConfig } from "../kv-events/kv-events-config.ts";
import type { CacheConfig } from "../metrics/cache-config.ts";
import { versionProfile } from "../versions/version-profile.ts";
import { assertVllmFlags } from "./vllm-arguments.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface PodSettings {
  readonly profile: LatencyProfile;
  /** Served names; the first is the one metrics and answers carry. */
  readonly models: readonly [string, ...string[]];
  readonly engine: EngineConfig;
  readonly cache: CacheConfig;
  readonly flags: Flags;
  /** Absent when KV events are off. */
  readonly kvEvents?: KvEventsConfig;
  /** As given to `--model`. */
  readonly modelPath: string;
  readonly environment: Environment;
}

export interface PodSurroundings {
  readonly environment: Environment;
  /** The model's context as its own folder tells it. */
  readonly contextTokens: number | undefined;
}

export const DEFAULT_MODEL = "mistralai/Mistral-7B-Instruct-v0.2";

/** @throws OperationalError USAGE naming the flag that vLLM does not have, or whose value cannot be */
export function podSettings(
  profileName: string,
  model: string,
  flags: Flags,
  { environment, contextTokens }: PodSurroundings = { environment: {}, contextTokens: undefined },
): PodSettings {
  assertVllmFlags(flags);
  const profile = loadProfile(profileName);
  assertPodClock(profile);
  const blockSize = wholeFlag(flags, "block-size", 1) ?? ENGINE_DEFAULTS.blockSize;
  const utilization = ratioFlag(flags, "gpu-memory-utilization");
  const blocksOverride = wholeFlag(flags, "num-gpu-blocks-override", 2);
  const memoryBytes = wholeFlag(flags, "kv-cache-memory-bytes", 1);
  const kvCacheDtype = String(flags["kv-cache-dtype"] ?? "auto");
  const numGpuBlocks =
    blocksOverride ??
    kvCapacityBlocks({
      gpu: profile.gpu,
      model,
      blockSize,
      kvCacheDtype,
      cards: (wholeFlag(flags, "tensor-parallel-size", 1) ?? 1) * (wholeFlag(flags, "pipeline-parallel-size", 1) ?? 1),
      ...(utilization !== undefined && { gpuMemoryUtilization: utilization }),
      ...(memoryBytes !== undefined && { kvCacheMemoryBytes: memoryBytes }),
    });
  const fitsItself = ["auto", "-1", "undefined"].includes(String(flags["max-model-len"]));
  const maxModelLen =
    (fitsItself ? undefined : wholeFlag(flags, "max-model-len", 1)) ??
    (contextTokens === undefined
      ? defaultMaxModelLen(model, numGpuBlocks, blockSize)
      : Math.min(contextTokens, (numGpuBlocks - 1) * blockSize));
  if ((numGpuBlocks - 1) * blockSize < maxModelLen) {
    const most = (numGpuBlocks - 1) * blockSize;
    throw usage(`max-model-len ${maxModelLen} does not fit ${numGpuBlocks} blocks of ${blockSize}; at most ${most}`);
  }
  const version = versionProfile(flags["vllm-version"]);
  const asked = flags["enable-prefix-caching"] ?? version.engine.prefixCaching;
  const prefixCaching = flags["no-enable-prefix-caching"] !== true && asked !== false;
  const policy = flags["scheduling-policy"] ?? ENGINE_DEFAULTS.policy;
  if (policy !== "fcfs" && policy !== "priority") {
    throw usage(`scheduling-policy "${String(policy)}"; there are fcfs and priority`);
  }
  const kvEvents = kvEventsConfig(flags["kv-events-config"], version);
  return {
    profile,
    ...(kvEvents !== undefined && { kvEvents }),
    models: servedNames(flags, model),
    flags,
    modelPath: model,
    environment,
    engine: {
      ...ENGINE_DEFAULTS,
      kvEvents: kvEvents !== undefined,
      numGpuBlocks,
      blockSize,
      maxModelLen,
      prefixCaching,
      policy,
      ...batchLimits(flags, maxModelLen),
      longPrefillTokenThreshold: wholeFlag(flags, "long-prefill-token-threshold", 0) ?? 0,
      ...(flags["long-prefill-token-threshold-adaptive"] === true && { longPrefillTokenThresholdAdaptive: true }),
      ...(String(flags["enable-lora"]) === "true" && { maxLoras: wholeFlag(flags, "max-loras", 1) ?? 1 }),
      watermark: shareFlag(flags, "watermark") ?? ENGINE_DEFAULTS.watermark,
      reserveFullIsl: flags["no-scheduler-reserve-full-isl"] !== true && flags["scheduler-reserve-full-isl"] !== false,
    },
    cache: {
      totalBlocks: numGpuBlocks,
      blockSizeTokens: blockSize,
      prefixCaching,
      gpuMemoryUtilizationRatio: utilization ?? version.engine.gpuMemoryUtilizationRatio,
      maxModelLenTokens: maxModelLen,
      userSetBlockSize: flags["block-size"] !== undefined,
      dtype: kvCacheDtype,
      ...(blocksOverride !== undefined && { blocksOverride }),
      ...(memoryBytes !== undefined && { memoryBytes }),
    },
  };
}

type BatchLimits = Pick<EngineConfig, "maxNumSeqs" | "maxNumBatchedTokens" | "maxNumActiveSeqs" | "chunkedPrefill">;

/**
 * As vLLM fills in what is not given: no more slots than tokens, no more tokens than all slots could hold, and without
 * chunks enough for the longest prompt.
 */
function batchLimits(flags: Flags, maxModelLen: number): BatchLimits {
  const seqs = wholeFlag(flags, "max-num-seqs", 1);
  const active = wholeFlag(flags, "max-num-active-seqs", 1);
  const chunkedPrefill = flags["no-enable-chunked-prefill"] !== true && flags["enable-chunked-prefill"] !== false;
  const usual = chunkedPrefill
    ? ENGINE_DEFAULTS.maxNumBatchedTokens
    : Math.max(ENGINE_DEFAULTS.maxNumBatchedTokens, maxModelLen);
  const most = (seqs ?? ENGINE_DEFAULTS.maxNumSeqs) * maxModelLen;
  const maxNumBatchedTokens = wholeFlag(flags, "max-num-batched-tokens", 1) ?? Math.min(usual, most);
  const maxNumSeqs = seqs ?? Math.min(ENGINE_DEFAULTS.maxNumSeqs, maxNumBatchedTokens);
  if (maxNumBatchedTokens < maxNumSeqs) {
    throw usage(`max-num-batched-tokens ${maxNumBatchedTokens} is less than max-num-seqs ${maxNumSeqs}; raise it`);
  }
  if (!chunkedPrefill && maxNumBatchedTokens < maxModelLen) {
    throw usage(
      `max-num-batched-tokens ${maxNumBatchedTokens} is less than max-model-len ${maxModelLen}, and chunked prefill is off; raise it`,
    );
  }
  if (active !== undefined && active > maxNumSeqs) {
    throw usage(`max-num-active-seqs ${active} is more than max-num-seqs ${maxNumSeqs}; lower it`);
  }
  return {
    maxNumSeqs,
    maxNumBatchedTokens,
    ...(active !== undefined && { maxNumActiveSeqs: active }),
    ...(!chunkedPrefill && { chunkedPrefill }),
  };
}

function servedNames(flags: Flags, model: string): readonly [string, ...string[]] {
  const names = String(flags["served-model-name"] ?? "")
    .split(/\s+/)
    .filter(Boolean);
  return names[0] === undefined ? [model] : [names[0], ...names.slice(1)];
}

function usage(message: string): OperationalError {
  return new OperationalError("USAGE", message);
}
