/** `vllm:cache_config_info`: the cache's configuration as labels, all of them Python's `str()`. */
import { familyHead, seriesName } from "../../fixtures/wire/prometheus-text.ts";

export interface CacheConfig {
  /** The null block included, as vLLM counts. */
  readonly totalBlocks: number;
  readonly blockSizeTokens: number;
  readonly prefixCaching: boolean;
  readonly gpuMemoryUtilizationRatio: number;
  readonly maxModelLenTokens: number;
  /** Set by `--num-gpu-blocks-override`. */
  readonly blocksOverride?: number;
  /** Set by `--kv-cache-memory-bytes`. */
  readonly memoryBytes?: number;
  readonly userSetBlockSize: boolean;
  /** As `--kv-cache-dtype` names it. */
  readonly dtype: string;
}

type Labels = Readonly<Record<string, string>>;

/** Which labels there are. */
export type CacheLabels = "0.7" | "0.10" | "now";

/** Labels of 0.10 whose values a pod never changes. */
const CONSTANT_0_10 = {
  calculate_kv_scales: "False",
  cpu_offload_gb: "0.0",
  is_attention_free: "False",
  mamba_page_size_padded: "None",
  num_cpu_blocks: "None",
  prefix_caching_hash_algo: "builtin",
  sliding_window: "None",
  swap_space: "4.0",
  swap_space_bytes: "4294967296.0",
};

const CONSTANT_0_7 = {
  calculate_kv_scales: "False",
  cpu_offload_gb: "0",
  is_attention_free: "False",
  num_cpu_blocks: "0",
  sliding_window: "None",
  swap_space_bytes: "4294967296",
};

/** Labels of 0.32 whose values a pod never changes. */
const CONSTANT = {
  _block_size_resolved: "True",
  cache_hit_alignment_tokens: "None",
  enable_mamba_shared_prefix_checkpoint: "False",
  hash_block_size: "None",
  is_attention_free: "False",
  kv_cache_dtype_skip_layers: "[]",
  kv_cache_layout: "None",
  kv_offloading_backend: "native",
  kv_offloading_size: "None",
  kv_sharing_fast_prefill: "False",
  mamba_block_size: "None",
  mamba_cache_dtype: "auto",
  mamba_cache_mode: "none",
  mamba_page_size_padded: "None",
  mamba_ssm_cache_dtype: "float32",
  num_cpu_blocks: "None",
  prefix_cache_retention_interval: "0",
  prefix_caching_hash_algo: "sha256",
  prefix_match_unit: "None",
  replayssm_buffer_len: "16",
  skip_page_size_padded: "None",
  sliding_window: "None",
  swa_bounded_replay: "True",
  use_kda_recoverssm: "False",
  use_replayssm: "False",
};

export function cacheConfigFamily(config: CacheConfig, version: CacheLabels): string {
  const { totalBlocks, blockSizeTokens } = config;
  const always = {
    block_size: String(blockSizeTokens),
    cache_dtype: config.dtype,
    enable_prefix_caching: pythonBool(config.prefixCaching),
    engine: "0",
    gpu_memory_utilization: pythonFloat(config.gpuMemoryUtilizationRatio),
    num_gpu_blocks: String(totalBlocks),
    num_gpu_blocks_override: String(config.blocksOverride ?? "None"),
  };
  const labels = labelsOf(version, always, config);
  const name = "vllm:cache_config_info";
  return `${familyHead(name, "gauge", "The cache configuration, as labels.")}${seriesName(name, labels)} 1.0\n`;
}

function labelsOf(version: CacheLabels, always: Labels, config: CacheConfig): Labels {
  const { totalBlocks, blockSizeTokens } = config;
  const { engine: _, ...withoutEngine } = always;
  switch (version) {
    case "0.7":
      return { ...CONSTANT_0_7, ...withoutEngine };
    case "0.10":
      return { ...CONSTANT_0_10, ...always };
    case "now":
      return {
        ...CONSTANT,
        ...always,
        effective_attention_block_size: String(blockSizeTokens),
        kv_cache_max_concurrency: pythonFloat(totalBlocks / Math.ceil(config.maxModelLenTokens / blockSizeTokens)),
        kv_cache_memory_bytes: String(config.memoryBytes ?? "None"),
        kv_cache_size_tokens: String(totalBlocks * blockSizeTokens),
        user_specified_block_size: pythonBool(config.userSetBlockSize),
      };
  }
}

function pythonBool(value: boolean): string {
  return value ? "True" : "False";
}

function pythonFloat(value: number): string {
  return Number.isInteger(value) ? `${value}.0` : String(value);
}
