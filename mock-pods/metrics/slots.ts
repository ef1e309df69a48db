/** Where each number of the page lives. Pods of one configuration share their layouts; a pod owns only the numbers. */
import { cacheConfigFamily, type CacheConfig } from "./cache-config.ts";
import { LATENESS, TOOL_PARSER_FAMILIES } from "./families.ts";
import { PageLayout } from "./page-layout.ts";
import type { MetricsProfile } from "./version-metrics.ts";

export interface LayoutOptions {
  readonly version: MetricsProfile;
  readonly model: string;
  readonly maxModelLenTokens: number;
  readonly cache: CacheConfig;
  readonly toolParser: boolean;
  /** Unix time when the pod began. */
  readonly createdSeconds: number;
}

export type Layouts = ReturnType<typeof makeLayouts>;

const layouts = new Map<MetricsProfile, Map<string, Layouts>>();

export function layoutsFor(options: LayoutOptions): Layouts {
  const { version, model, maxModelLenTokens, toolParser, cache } = options;
  const ofVersion = layouts.get(version) ?? new Map<string, Layouts>();
  layouts.set(version, ofVersion);
  const key = JSON.stringify([model, maxModelLenTokens, toolParser, cache]);
  let found = ofVersion.get(key);
  if (found === undefined) ofVersion.set(key, (found = makeLayouts(options)));
  return found;
}

function makeLayouts({ version, model, maxModelLenTokens, toolParser, cache, createdSeconds }: LayoutOptions) {
  const labels = { engine: "0", model_name: model };
  const engine = new PageLayout(version.families, labels, maxModelLenTokens, version.created);
  const tail = new PageLayout(LATENESS, labels, maxModelLenTokens);
  const parser = new PageLayout(TOOL_PARSER_FAMILIES, labels, maxModelLenTokens);
  return {
    engine,
    tail,
    cacheConfig: cacheConfigFamily(cache, version.cacheLabels),
    toolParser: toolParser ? parser.render(parser.values(createdSeconds)) : undefined,
    slots: {
      running: engine.slot("vllm:num_requests_running"),
      waiting: engine.slot("vllm:num_requests_waiting"),
      waitingCapacity: engine.slot("vllm:num_requests_waiting_by_reason", "capacity"),
      waitingDeferred: engine.slot("vllm:num_requests_waiting_by_reason", "deferred"),
      sleepState: ["awake", "weights_offloaded", "discard_all"].map((state) =>
        engine.slot("vllm:engine_sleep_state", state),
      ),
      kvUsage: engine.slot("vllm:kv_cache_usage_perc"),
      queries: engine.slot("vllm:prefix_cache_queries_total"),
      hits: engine.slot("vllm:prefix_cache_hits_total"),
      hitRate: engine.slot("vllm:gpu_prefix_cache_hit_rate"),
      cpuHitRate: engine.slot("vllm:cpu_prefix_cache_hit_rate"),
      preemptions: engine.slot("vllm:num_preemptions_total"),
      promptTokens: engine.slot("vllm:prompt_tokens_total"),
      promptComputed: engine.slot("vllm:prompt_tokens_by_source_total", "local_compute"),
      promptHit: engine.slot("vllm:prompt_tokens_by_source_total", "local_cache_hit"),
      promptCached: engine.slot("vllm:prompt_tokens_cached_total"),
      promptCachedDevice: engine.slot("vllm:prompt_tokens_cached_by_source_total", "device"),
      generationTokens: engine.slot("vllm:generation_tokens_total"),
      finished: {
        stop: engine.slot("vllm:request_success_total", "stop"),
        length: engine.slot("vllm:request_success_total", "length"),
        abort: engine.slot("vllm:request_success_total", "abort"),
      },
      refused: {
        max_num_queued_reqs: engine.slot("vllm:admission_rejections_total", "max_num_queued_reqs"),
        max_num_queued_tokens: engine.slot("vllm:admission_rejections_total", "max_num_queued_tokens"),
      },
      requestPrompt: engine.histogram("vllm:request_prompt_tokens"),
      requestGeneration: engine.histogram("vllm:request_generation_tokens"),
      iterationTokens: engine.histogram("vllm:iteration_tokens_total"),
      longestOutput: engine.histogram("vllm:request_max_num_generation_tokens"),
      n: engine.histogram("vllm:request_params_n"),
      requestMaxTokens: engine.histogram("vllm:request_params_max_tokens"),
      firstToken: engine.histogram("vllm:time_to_first_token_seconds"),
      interToken: engine.histogram("vllm:inter_token_latency_seconds"),
      perToken: engine.histogram("vllm:request_time_per_output_token_seconds"),
      endToEnd: engine.histogram("vllm:e2e_request_latency_seconds"),
      queued: engine.histogram("vllm:request_queue_time_seconds"),
      inference: engine.histogram("vllm:request_inference_time_seconds"),
      prefill: engine.histogram("vllm:request_prefill_time_seconds"),
      decode: engine.histogram("vllm:request_decode_time_seconds"),
      requestPreemptions: engine.histogram("vllm:request_num_preemptions"),
      requestComputed: engine.histogram("vllm:request_prefill_kv_computed_tokens"),
      python: engine.slot("python_info", "CPython,3,12,1,3.12.1"),
      startTime: engine.slot("process_start_time_seconds"),
      residentBytes: engine.slot("process_resident_memory_bytes"),
      virtualBytes: engine.slot("process_virtual_memory_bytes"),
      cpuSeconds: engine.slot("process_cpu_seconds_total"),
      openFds: engine.slot("process_open_fds"),
      maxFds: engine.slot("process_max_fds"),
      late: tail.histogram("mock:late_seconds"),
    },
  };
}
