/**
 * The metrics pages of vLLM's versions. 0.32's and 0.10's are recorded; those of the others are told by what they have
 * of 0.32's and by older names for the same numbers (`v1/metrics/loggers.py` of 0.28, `engine/metrics.py` of 0.7.2).
 */
import type { CacheLabels } from "./cache-config.ts";
import { FAMILIES, type FamilySpec } from "./families.ts";

export interface MetricsProfile {
  readonly families: readonly FamilySpec[];
  /** The version of the text format that `content-type` names: 0.0.4 with prometheus_client 0.22.1 and before. */
  readonly format: "0.0.4" | "1.0.0";
  /** Counters and histograms say when they were created; 0.7.2 switched that off. */
  readonly created: boolean;
  /** Sleep mode has families of its own. */
  readonly sleep: boolean;
  /** Of HTTP and the process; 0.7's page is gathered from files of several processes, which have none. */
  readonly serverFamilies: boolean;
  readonly cacheLabels: CacheLabels;
  /** `iteration_tokens_total` counts cached prompt tokens, too. */
  readonly iterationHits: boolean;
  /** The null block counts as used. */
  readonly nullBlockUsed: boolean;
}

/** Came after August 2026, or was there only when configured. */
const SINCE_0_29 = [
  "vllm:estimated_flops_per_gpu_total",
  "vllm:estimated_read_bytes_per_gpu_total",
  "vllm:estimated_write_bytes_per_gpu_total",
  "vllm:prompt_tokens_cached_by_source_total",
  "vllm:admission_rejections_total",
  "vllm:request_num_preemptions",
];

const PROCESS = FAMILIES.filter(({ name }) => !name.startsWith("vllm:"));

const SECONDS_PER_REQUEST_0_7 = [0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60];
const SECONDS_TO_FIRST_TOKEN_0_7 = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
];
const SECONDS_PER_TOKEN_0_7 = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5];
const BATCH_TOKENS_0_7 = [1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8096];

export const METRICS_0_32: MetricsProfile = {
  families: FAMILIES,
  format: "1.0.0",
  created: true,
  sleep: true,
  serverFamilies: true,
  cacheLabels: "now",
  iterationHits: false,
  nullBlockUsed: false,
};

export const METRICS_0_28: MetricsProfile = {
  families: FAMILIES.filter(({ name }) => !SINCE_0_29.includes(name)),
  format: "1.0.0",
  created: true,
  sleep: true,
  serverFamilies: true,
  cacheLabels: "now",
  iterationHits: false,
  nullBlockUsed: false,
};

/** The old names were deprecated and still there; a page had both. */
export const METRICS_0_10: MetricsProfile = {
  families: [
    ...PROCESS,
    now("vllm:num_requests_running"),
    now("vllm:num_requests_waiting"),
    old("vllm:gpu_cache_usage_perc", "vllm:kv_cache_usage_perc"),
    old("vllm:gpu_prefix_cache_queries_total", "vllm:prefix_cache_queries_total"),
    old("vllm:gpu_prefix_cache_hits_total", "vllm:prefix_cache_hits_total"),
    now("vllm:kv_cache_usage_perc"),
    now("vllm:prefix_cache_queries_total"),
    now("vllm:prefix_cache_hits_total"),
    now("vllm:num_preemptions_total"),
    now("vllm:prompt_tokens_total"),
    now("vllm:generation_tokens_total"),
    finished("stop", "length", "abort"),
    now("vllm:request_prompt_tokens"),
    now("vllm:request_generation_tokens"),
    now("vllm:iteration_tokens_total"),
    now("vllm:request_max_num_generation_tokens"),
    now("vllm:request_params_n"),
    now("vllm:request_params_max_tokens"),
    now("vllm:time_to_first_token_seconds"),
    old("vllm:time_per_output_token_seconds", "vllm:inter_token_latency_seconds"),
    now("vllm:e2e_request_latency_seconds"),
    now("vllm:request_queue_time_seconds"),
    now("vllm:request_inference_time_seconds"),
    now("vllm:request_prefill_time_seconds"),
    now("vllm:request_decode_time_seconds"),
  ],
  format: "0.0.4",
  created: true,
  sleep: false,
  serverFamilies: true,
  cacheLabels: "0.10",
  iterationHits: true,
  nullBlockUsed: true,
};

/** The engine V0, whose series carry the model's name and no engine, and nothing else is on the page (as on a real 0.8.5's). */
export const METRICS_0_7: MetricsProfile = {
  families: [
    now("vllm:num_requests_running"),
    now("vllm:num_requests_waiting"),
    idle("vllm:num_requests_swapped", "Requests swapped out to the CPU; none here."),
    old("vllm:gpu_cache_usage_perc", "vllm:kv_cache_usage_perc"),
    idle("vllm:cpu_cache_usage_perc", "Share of CPU blocks in use; none here."),
    idle("vllm:cpu_prefix_cache_hit_rate", "Hit rate of the CPU's prefix cache; there is none."),
    idle("vllm:gpu_prefix_cache_hit_rate", "Hits over queries of the prefix cache; -1 when it is off."),
    now("vllm:num_preemptions_total"),
    now("vllm:prompt_tokens_total"),
    now("vllm:generation_tokens_total"),
    { ...now("vllm:iteration_tokens_total"), buckets: BATCH_TOKENS_0_7 },
    { ...now("vllm:time_to_first_token_seconds"), buckets: SECONDS_TO_FIRST_TOKEN_0_7 },
    {
      ...old("vllm:time_per_output_token_seconds", "vllm:inter_token_latency_seconds"),
      buckets: SECONDS_PER_TOKEN_0_7,
    },
    ...[
      "vllm:e2e_request_latency_seconds",
      "vllm:request_queue_time_seconds",
      "vllm:request_inference_time_seconds",
      "vllm:request_prefill_time_seconds",
      "vllm:request_decode_time_seconds",
    ].map((name) => ({ ...now(name), buckets: SECONDS_PER_REQUEST_0_7 })),
    now("vllm:request_prompt_tokens"),
    now("vllm:request_generation_tokens"),
    now("vllm:request_max_num_generation_tokens"),
    now("vllm:request_params_n"),
    now("vllm:request_params_max_tokens"),
    finished("stop", "length", "abort"),
  ].map((family) => ({ ...family, base: "model" as const })),
  format: "0.0.4",
  created: false,
  sleep: false,
  serverFamilies: false,
  cacheLabels: "0.7",
  iterationHits: true,
  nullBlockUsed: false,
};

function now(name: string): FamilySpec {
  const family = FAMILIES.find((candidate) => candidate.name === name);
  if (family === undefined) throw new RangeError(`no family ${name}`);
  return family;
}

/** The same number under the name it had. */
function old(name: string, today: string): FamilySpec {
  return { ...now(today), name, shows: today };
}

function idle(name: string, help: string): FamilySpec {
  return { name, type: "gauge", help, base: "engine" };
}

function finished(...reasons: readonly string[]): FamilySpec {
  return { ...now("vllm:request_success_total"), series: reasons.map((finished_reason) => ({ finished_reason })) };
}
