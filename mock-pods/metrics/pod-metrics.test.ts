import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import {
  parsePrometheusText,
  sampleValue,
  writePrometheusText,
  type MetricFamily,
} from "../../fixtures/wire/prometheus-text.ts";
import type { EngineStats, GenerationRequest, StepOutput } from "../engine/engine.ts";
import { PodMetrics, type MetricsOptions } from "./pod-metrics.ts";
import { METRICS_0_32 } from "./version-metrics.ts";

const SERVER_A: MetricsOptions = {
  version: METRICS_0_32,
  model: "tiny",
  maxModelLenTokens: 2048,
  cache: {
    totalBlocks: 65_536,
    blockSizeTokens: 16,
    prefixCaching: true,
    gpuMemoryUtilizationRatio: 0.92,
    maxModelLenTokens: 2048,
    memoryBytes: 1_073_741_824,
    userSetBlockSize: true,
    dtype: "auto",
  },
  toolParser: false,
  createdSeconds: 1.7e9,
  unixSeconds: () => 1.7e9,
};

const IDLE: EngineStats = {
  running: 0,
  waiting: 0,
  deferred: 0,
  kvUsageRatio: 0,
  prefixQueriesTokens: 0,
  prefixHitsTokens: 0,
  preemptions: 0,
  freeBlocks: 65_535,
  totalBlocks: 65_535,
};

/** Everything but help texts, values, and what a pod adds of its own. */
function skeleton(page: readonly MetricFamily[]) {
  return page
    .filter(({ name }) => !name.startsWith("mock:"))
    .map(({ name, type, samples }) => ({ name, type, series: samples.map((sample) => [sample.name, sample.labels]) }));
}

function recorded(name: string): MetricFamily[] {
  return parsePrometheusText(readFileSync(new URL(`../../fixtures/recordings/${name}`, import.meta.url), "utf8"));
}

function page(metrics: PodMetrics, stats: Partial<EngineStats> = {}): MetricFamily[] {
  return parsePrometheusText(metrics.render({ ...IDLE, ...stats }));
}

it("shows a fresh vLLM's families, types, labels and buckets, in its order", () => {
  expect(skeleton(page(new PodMetrics(SERVER_A)))).toEqual(skeleton(recorded("metrics-fresh.txt")));
});

it("writes a page that is canonical exposition text", () => {
  const text = new PodMetrics(SERVER_A).render(IDLE);
  expect(writePrometheusText(parsePrometheusText(text))).toBe(text);
});

it("counts a request's tokens and times as its steps end", () => {
  const metrics = new PodMetrics(SERVER_A);
  metrics.submitted(request("a", 40, 8), undefined, 1000);
  metrics.stepEnded(step(1100, 1400, { admitted: [["a", 16]], tokens: [["a"]] }));
  metrics.stepEnded(step(1400, 1450, { tokens: [["a"]] }));
  metrics.stepEnded(step(1450, 1500, { tokens: [["a", "length"]] }));
  const seen = page(metrics, { prefixQueriesTokens: 40, prefixHitsTokens: 16 });
  const value = (name: string, labels = {}) => sampleValue(seen, `vllm:${name}`, labels);
  expect(value("prompt_tokens_total")).toBe(40);
  expect(value("prompt_tokens_by_source_total", { source: "local_compute" })).toBe(24);
  expect(value("prompt_tokens_cached_by_source_total", { source: "device" })).toBe(16);
  expect(value("generation_tokens_total")).toBe(3);
  expect(value("request_success_total", { finished_reason: "length" })).toBe(1);
  expect(value("iteration_tokens_total_sum")).toBe(24 + 3);
  expect(value("time_to_first_token_seconds_sum")).toBeCloseTo(0.4);
  expect(value("time_to_first_token_seconds_bucket", { le: "0.25" })).toBe(0);
  expect(value("time_to_first_token_seconds_bucket", { le: "0.5" })).toBe(1);
  expect(value("inter_token_latency_seconds_count")).toBe(2);
  expect(value("request_time_per_output_token_seconds_sum")).toBeCloseTo(0.05);
  expect(value("request_queue_time_seconds_sum")).toBeCloseTo(0.1);
  expect(value("request_prefill_time_seconds_sum")).toBeCloseTo(0.3);
  expect(value("request_decode_time_seconds_sum")).toBeCloseTo(0.1);
  expect(value("request_inference_time_seconds_sum")).toBeCloseTo(0.4);
  expect(value("e2e_request_latency_seconds_sum")).toBeCloseTo(0.5);
  expect(value("request_prefill_kv_computed_tokens_sum")).toBe(24);
  expect(value("request_params_max_tokens_bucket", { le: "10.0" })).toBe(1);
});

it("takes a step without outputs for no iteration", () => {
  const metrics = new PodMetrics(SERVER_A);
  metrics.submitted(request("long", 3000, 1), undefined, 0);
  metrics.stepEnded(step(0, 100, { admitted: [["long", 0]] }));
  expect(sampleValue(page(metrics), "vllm:iteration_tokens_total_count")).toBe(0);
  metrics.stepEnded(step(100, 150, { tokens: [["long", "length"]] }));
  expect(sampleValue(page(metrics), "vllm:iteration_tokens_total_sum")).toBe(3001);
});

it("keeps the tokens of a client that left, and counts it as no finished request", () => {
  const metrics = new PodMetrics(SERVER_A);
  metrics.submitted(request("gone", 10, 100), undefined, 0);
  metrics.stepEnded(step(0, 20, { admitted: [["gone", 0]], tokens: [["gone"]] }));
  metrics.dropped(["gone"]);
  const seen = page(metrics);
  expect(sampleValue(seen, "vllm:prompt_tokens_total")).toBe(10);
  expect(sampleValue(seen, "vllm:time_to_first_token_seconds_count")).toBe(1);
  expect(sampleValue(seen, "vllm:request_success_total", { finished_reason: "abort" })).toBe(0);
  expect(sampleValue(seen, "vllm:e2e_request_latency_seconds_count")).toBe(0);
});

it("counts what the engine itself aborts", () => {
  const metrics = new PodMetrics(SERVER_A);
  metrics.submitted(request("paused", 10, 100), undefined, 0);
  metrics.stepEnded(step(0, 20, { admitted: [["paused", 0]], tokens: [["paused"]] }));
  metrics.ended(["paused"], "abort", 30);
  const seen = page(metrics);
  expect(sampleValue(seen, "vllm:request_success_total", { finished_reason: "abort" })).toBe(1);
  expect(sampleValue(seen, "vllm:e2e_request_latency_seconds_count")).toBe(1);
});

it("observes n and the longest output once all n have ended", () => {
  const metrics = new PodMetrics(SERVER_A);
  const group = { n: 2, open: 2, longestTokens: 0 };
  for (const id of ["x", "y"]) metrics.submitted(request(id, 4, 9), group, 0);
  metrics.stepEnded(
    step(0, 20, {
      admitted: [
        ["x", 0],
        ["y", 0],
      ],
      tokens: [["x", "stop"], ["y"]],
    }),
  );
  expect(sampleValue(page(metrics), "vllm:request_params_n_count")).toBe(0);
  metrics.stepEnded(step(20, 40, { tokens: [["y", "stop"]] }));
  const seen = page(metrics);
  expect(sampleValue(seen, "vllm:request_params_n_sum")).toBe(2);
  expect(sampleValue(seen, "vllm:request_max_num_generation_tokens_sum")).toBe(2);
});

it("tells a preemption with the request's next token, and one that nothing follows never", () => {
  const metrics = new PodMetrics(SERVER_A);
  const told = () => sampleValue(page(metrics), "vllm:num_preemptions_total");
  for (const id of ["back", "gone"]) metrics.submitted(request(id, 10, 100), undefined, 0);
  metrics.stepEnded(step(0, 20, { tokens: [["back"], ["gone"]] }));
  metrics.stepEnded(step(20, 40, { preempted: ["gone", "back"] }));
  metrics.preempted(["back"]);
  expect(told()).toBe(0);
  metrics.stepEnded(step(40, 60, { tokens: [["back", "stop"]] }));
  metrics.ended(["gone"], "abort", 60);
  expect(told()).toBe(2);
  expect(sampleValue(page(metrics), "vllm:request_num_preemptions_sum")).toBe(2);
});

it("counts who lets others pass for want of a LoRA slot apart from who waits for room", () => {
  const seen = page(new PodMetrics(SERVER_A), { waiting: 5, deferred: 2 });
  const waiting = (reason: string) => sampleValue(seen, "vllm:num_requests_waiting_by_reason", { reason });
  expect([sampleValue(seen, "vllm:num_requests_waiting"), waiting("capacity"), waiting("deferred")]).toEqual([5, 3, 2]);
});

it("names an adapter from its first token to the end of its last request", () => {
  const metrics = new PodMetrics({ ...SERVER_A, maxLoras: 2 });
  const series = () => page(metrics).find(({ name }) => name === "vllm:lora_requests_info")?.samples.length;
  for (const id of ["a", "b"]) metrics.submitted(request(id, 4, 9, "tiny-lora"), undefined, 0);
  metrics.stepEnded(step(0, 20, { admitted: [["a", 0]] }));
  metrics.stepped(0);
  expect(series()).toBe(1);
  metrics.stepEnded(step(20, 40, { tokens: [["a", "stop"], ["b"]] }));
  metrics.stepped(0);
  metrics.stepEnded(step(40, 60, { tokens: [["b"]] }));
  metrics.stepped(0);
  // The idle series, and the one that names it; a series that was is never taken back.
  expect(series()).toBe(2);
});

it("shows a running adapter in both lists and keeps the idle series", () => {
  const metrics = new PodMetrics({ ...SERVER_A, maxLoras: 2 });
  metrics.submitted(request("a", 4, 9, "tiny-lora"), undefined, 0);
  metrics.stepEnded(step(0, 20, { admitted: [["a", 0]], tokens: [["a"]] }));
  metrics.stepped(0);
  const family = page(metrics).find(({ name }) => name === "vllm:lora_requests_info");
  const wanted = recorded("metrics-lora-running.txt").find(({ name }) => name === "vllm:lora_requests_info");
  expect(family?.samples.map(({ labels }) => labels)).toEqual(wanted?.samples.map(({ labels }) => labels));
});

function request(id: string, promptTokens: number, maxTokens: number, lora?: string): GenerationRequest {
  return {
    id,
    promptTokenIds: new Uint32Array(promptTokens),
    maxTokens,
    sample: () => 0,
    ...(lora !== undefined && { lora: { id: 1, name: lora, path: "/adapters" } }),
  };
}

function step(
  startMs: number,
  endMs: number,
  {
    admitted = [],
    tokens = [],
    preempted = [],
  }: { admitted?: [string, number][]; tokens?: [string, ("stop" | "length")?][]; preempted?: string[] },
): StepOutput {
  return {
    startMs,
    endMs,
    scheduled: [],
    admitted: admitted.map(([requestId, cachedTokens]) => ({ requestId, cachedTokens, resumed: false })),
    preempted,
    tokens: tokens.map(([requestId, finishReason]) => ({
      requestId,
      index: 0,
      tokenId: 0,
      ...(finishReason && { finishReason }),
    })),
    kvEvents: [],
  };
}
