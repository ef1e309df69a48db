/**
 * The families of vLLM 0.32's /metrics that exist from the start, in page order, as recorded. Help texts are our own.
 *
 * Label sets are fixed: every combination is there from the first scrape, at zero.
 */
import type { MetricType } from "../../fixtures/wire/prometheus-text.ts";

export interface FamilySpec {
  readonly name: string;
  readonly type: Extract<MetricType, "counter" | "gauge" | "histogram">;
  readonly help: string;
  /** Which labels all series carry. `engine` stands for `engine` and `model_name`. */
  readonly base: "none" | "model" | "engine";
  /** One series per entry; absent: one series without further labels. */
  readonly series?: readonly Readonly<Record<string, string>>[];
  /** The family of 0.32 whose numbers these are, when an older version had another name for them. */
  readonly shows?: string;
  /** Upper bounds without +Inf; a token ladder depends on the context length. */
  readonly buckets?: readonly number[] | "token-ladder";
}

const SECONDS_TO_FIRST_TOKEN = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640, 2560,
];
const SECONDS_PER_TOKEN = [
  0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80,
];
const SECONDS_PER_REQUEST = [
  0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680,
];
const BATCH_TOKENS = [1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384];
export const HIGH_RESOLUTION_SECONDS = [
  0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 7.5, 10, 30, 60,
];

/** 1, 2, 5 times each power of ten, up to the context length. */
export function tokenLadder(maxModelLenTokens: number): number[] {
  const bounds: number[] = [];
  for (let power = 1; power <= maxModelLenTokens; power *= 10) {
    bounds.push(...[power, 2 * power, 5 * power].filter((bound) => bound <= maxModelLenTokens));
  }
  return bounds;
}

const GENERATIONS = ["0", "1", "2"].map((generation) => ({ generation }));

const PROCESS: readonly FamilySpec[] = [
  counter("python_gc_objects_collected_total", "Objects the garbage collector took.", "none", GENERATIONS),
  counter("python_gc_objects_uncollectable_total", "Objects the collector could not take.", "none", GENERATIONS),
  counter("python_gc_collections_total", "Collections of each generation.", "none", GENERATIONS),
  gauge("python_info", "The interpreter a real pod runs on.", "none", [
    { implementation: "CPython", major: "3", minor: "12", patchlevel: "1", version: "3.12.1" },
  ]),
  gauge("process_virtual_memory_bytes", "Virtual memory of the process.", "none"),
  gauge("process_resident_memory_bytes", "Resident memory of the process.", "none"),
  gauge("process_start_time_seconds", "Unix time at which the process started.", "none"),
  counter("process_cpu_seconds_total", "CPU time of the process, user and system.", "none"),
  gauge("process_open_fds", "Open file descriptors.", "none"),
  gauge("process_max_fds", "File descriptors the process may open.", "none"),
];

const ENGINE: readonly FamilySpec[] = [
  counter("vllm:estimated_flops_per_gpu_total", "Floating point operations per card; not modelled, 0.", "engine"),
  counter("vllm:estimated_read_bytes_per_gpu_total", "Bytes read from card memory; not modelled, 0.", "engine"),
  counter("vllm:estimated_write_bytes_per_gpu_total", "Bytes written to card memory; not modelled, 0.", "engine"),
  gauge("vllm:num_requests_running", "Requests in the running batch.", "engine"),
  gauge("vllm:num_requests_waiting", "Requests in the waiting queue.", "engine"),
  gauge(
    "vllm:num_requests_waiting_by_reason",
    "Waiting requests, by what they wait for: capacity, or a passing constraint.",
    "engine",
    labelled("reason", "capacity", "deferred"),
  ),
  gauge(
    "vllm:engine_sleep_state",
    "1 for the state the engine is in.",
    "engine",
    labelled("sleep_state", "awake", "weights_offloaded", "discard_all"),
  ),
  gauge("vllm:kv_cache_usage_perc", "Share of KV blocks held by requests, 0 to 1.", "engine"),
  counter("vllm:prefix_cache_queries_total", "Prompt tokens looked up in the prefix cache.", "engine"),
  counter("vllm:prefix_cache_hits_total", "Prompt tokens found in the prefix cache.", "engine"),
  counter("vllm:external_prefix_cache_queries_total", "Tokens looked up in an external cache; none here.", "engine"),
  counter("vllm:external_prefix_cache_hits_total", "Tokens found in an external cache; none here.", "engine"),
  counter("vllm:mm_cache_queries_total", "Multimodal items looked up; none here.", "engine"),
  counter("vllm:mm_cache_hits_total", "Multimodal items found; none here.", "engine"),
  counter("vllm:num_preemptions_total", "Requests put back to make room for others.", "engine"),
  counter("vllm:prompt_tokens_total", "Prompt tokens of requests that reached their first token.", "engine"),
  counter(
    "vllm:prompt_tokens_by_source_total",
    "Prompt tokens, by where their KV came from.",
    "engine",
    labelled("source", "local_compute", "local_cache_hit", "external_kv_transfer"),
  ),
  counter("vllm:prompt_tokens_cached_total", "Prompt tokens that came from a cache.", "engine"),
  counter(
    "vllm:prompt_tokens_cached_by_source_total",
    "Prompt tokens that came from a cache, by its kind.",
    "engine",
    labelled("source", "device", "host", "p2p", "disk", "external_unspecified"),
  ),
  counter("vllm:generation_tokens_total", "Tokens generated.", "engine"),
  counter(
    "vllm:request_success_total",
    "Requests that ended in the engine, by reason.",
    "engine",
    labelled("finished_reason", "stop", "length", "abort", "error", "repetition"),
  ),
  counter(
    "vllm:admission_rejections_total",
    "Calls refused by a queue cap.",
    "model",
    labelled("reason", "max_num_queued_reqs", "max_num_queued_tokens"),
  ),
  histogram("vllm:request_prompt_tokens", "Prompt tokens of a finished request.", "token-ladder"),
  histogram("vllm:request_generation_tokens", "Tokens generated for a finished request.", "token-ladder"),
  histogram("vllm:iteration_tokens_total", "Prompt and generated tokens of one engine iteration.", BATCH_TOKENS),
  histogram("vllm:request_max_num_generation_tokens", "The longest of a call's n outputs, in tokens.", "token-ladder"),
  histogram("vllm:request_params_n", "The n of a call.", [1, 2, 5, 10, 20]),
  histogram("vllm:request_params_max_tokens", "The max_tokens of a request.", "token-ladder"),
  histogram("vllm:time_to_first_token_seconds", "From arrival to the first token.", SECONDS_TO_FIRST_TOKEN),
  histogram("vllm:inter_token_latency_seconds", "Between two outputs of one request.", SECONDS_PER_TOKEN),
  histogram(
    "vllm:request_time_per_output_token_seconds",
    "Mean time per token after the first, per request.",
    SECONDS_PER_TOKEN,
  ),
  histogram("vllm:e2e_request_latency_seconds", "From arrival to the end.", SECONDS_PER_REQUEST),
  histogram("vllm:request_queue_time_seconds", "Spent waiting for admission.", SECONDS_PER_REQUEST),
  histogram("vllm:request_inference_time_seconds", "From admission to the last token.", SECONDS_PER_REQUEST),
  histogram("vllm:request_prefill_time_seconds", "From admission to the first token.", SECONDS_PER_REQUEST),
  histogram("vllm:request_decode_time_seconds", "From the first to the last token.", SECONDS_PER_REQUEST),
  histogram("vllm:request_num_preemptions", "How often a request was preempted.", [1, 2, 3, 4, 5, 10, 20]),
  histogram("vllm:request_prefill_kv_computed_tokens", "Prompt tokens computed, not cached.", "token-ladder"),
];

export const FAMILIES: readonly FamilySpec[] = [...PROCESS, ...ENGINE];

const PARSER_MODES = ["streaming", "non_streaming"];
const PARSER_OUTCOMES = ["tool_call", "no_tool_call"];
const PARSER_REQUESTS = ["chat_completions", "responses", "other"];

/** There only with `--tool-call-parser`. */
export const TOOL_PARSER_FAMILIES: readonly FamilySpec[] = [
  counter(
    "vllm:tool_call_parser_invocations_total",
    "Runs of the tool parser: per choice, or per delta of a stream.",
    "model",
    PARSER_MODES.flatMap((mode) =>
      PARSER_OUTCOMES.flatMap((outcome) => PARSER_REQUESTS.map((request_type) => ({ mode, outcome, request_type }))),
    ),
  ),
];

/** The instrumentator's histogram over all routes, there from the start. */
export const HTTP_HIGH_RESOLUTION: readonly FamilySpec[] = [
  {
    name: "http_request_duration_highr_seconds",
    type: "histogram",
    help: "Duration of every request, in fine buckets.",
    base: "none",
    buckets: HIGH_RESOLUTION_SECONDS,
  },
];

/** Not vLLM's: how far the machine lagged behind the plan. A run with much of it judges the machine, not the router. */
export const LATENESS: readonly FamilySpec[] = [
  {
    name: "mock:late_seconds",
    type: "histogram",
    help: "How much later than planned an engine step ended because the machine was busy.",
    base: "engine",
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1],
  },
];

function counter(name: string, help: string, base: FamilySpec["base"], series?: FamilySpec["series"]): FamilySpec {
  return { name, type: "counter", help, base, ...(series && { series }) };
}

function gauge(name: string, help: string, base: FamilySpec["base"], series?: FamilySpec["series"]): FamilySpec {
  return { name, type: "gauge", help, base, ...(series && { series }) };
}

function histogram(name: string, help: string, buckets: readonly number[] | "token-ladder"): FamilySpec {
  return { name, type: "histogram", help, base: "engine", buckets };
}

function labelled(label: string, ...values: readonly string[]): Readonly<Record<string, string>>[] {
  return values.map((value) => ({ [label]: value }));
}
