import { once } from "node:events";
import { readFileSync } from "node:fs";
import { request } from "undici";
import { expect, it } from "vitest";
import { parsePrometheusText, sampleValue, type MetricFamily } from "../../fixtures/wire/prometheus-text.ts";
import { startFleet } from "../fleet/fleet.ts";
import { sendRaw } from "../parity/raw-client.ts";
import { readExchanges, requestBytes } from "../parity/recorded-exchange.ts";
import { RECORDED_SERVERS } from "../parity/recorded-servers.ts";
import type { Fleet, Pod } from "../pod/pod.ts";

function recorded(name: string): MetricFamily[] {
  return parsePrometheusText(readFileSync(new URL(`../../fixtures/recordings/${name}`, import.meta.url), "utf8"));
}

async function scrape(pod: Pod, format = "1.0.0"): Promise<MetricFamily[]> {
  const { body, headers } = await request(`${pod.url}/metrics`);
  expect(headers["content-type"]).toBe(`text/plain; version=${format}; charset=utf-8`);
  return parsePrometheusText(await body.text());
}

/**
 * Families in order, with their types and all series; of HTTP families only the label names and buckets, since which
 * routes were asked is the traffic's business.
 */
function skeleton(page: readonly MetricFamily[]) {
  return page
    .filter(({ name }) => !name.startsWith("mock:"))
    .map(({ name, type, samples }) => {
      const series = samples.map((sample) =>
        name.startsWith("http_")
          ? `${sample.name} ${Object.keys(sample.labels).join(",")} ${sample.labels["le"] ?? ""}`
          : `${sample.name} ${JSON.stringify(sample.labels)}`,
      );
      return { name, type, series: name.startsWith("http_") ? [...new Set(series)] : series };
    });
}

/** The capacity of a card stands in for the recorder's setting of it. */
const CACHE_CONFIG = "vllm:cache_config_info";
const comparable = (page: readonly MetricFamily[]) => skeleton(page.filter(({ name }) => name !== CACHE_CONFIG));

function serverA(version = "0.32"): Promise<Fleet> {
  const { "kv-events-config": _, ...flags } = RECORDED_SERVERS.A.flags ?? {};
  return startFleet({ ...RECORDED_SERVERS.A, flags: { ...flags, "vllm-version": version } });
}

async function complete(pod: Pod, body: object) {
  return await request(`${pod.url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: pod.model, prompt: "hello there", max_tokens: 4, ignore_eos: true, ...body }),
  });
}

it("shows a recorded server's page after traffic, sleep and wake included", async () => {
  await using fleet = await serverA();
  const pod = fleet.pod(0);
  await complete(pod, {}).then(({ body }) => body.dump());
  await complete(pod, { n: 2, temperature: 1 }).then(({ body }) => body.dump());
  for (const path of ["/sleep?level=1", "/wake_up"]) {
    await request(pod.url + path, { method: "POST" }).then(({ body }) => body.dump());
  }
  const page = await scrape(pod);
  expect(comparable(page)).toEqual(comparable(recorded("metrics-after.txt")));
  const value = (name: string, labels = {}) => sampleValue(page, name, labels);
  expect(value("vllm:request_params_n_sum")).toBe(3);
  expect(value("vllm:request_success_total", { finished_reason: "length" })).toBe(3);
  expect(value("http_requests_total", { handler: "/v1/completions", status: "2xx" })).toBe(2);
  expect(value("http_requests_total", { handler: "/sleep", method: "POST", status: "2xx" })).toBe(1);
  expect(value("http_response_size_bytes_sum", { handler: "/v1/completions" })).toBeGreaterThan(500);
  expect(value("vllm:sleep_mode_operation_duration_seconds_count", { operation: "wake" })).toBe(1);
});

it("shows three running streams as the recorded server did", async () => {
  await using fleet = await serverA();
  const pod = fleet.pod(0);
  const streams = await Promise.all(
    ["one", "two", "three"].map((prompt) => complete(pod, { prompt, stream: true, max_tokens: 500 })),
  );
  await Promise.all(streams.map(({ body }) => once(body, "readable")));
  const page = await scrape(pod);
  const theirs = recorded("metrics-three-running.txt");
  expect(sampleValue(page, "vllm:num_requests_running")).toBe(3);
  expect(sampleValue(theirs, "vllm:num_requests_running")).toBe(3);
  expect(sampleValue(page, "vllm:kv_cache_usage_perc")).toBeGreaterThan(0);
  const own = (families: readonly MetricFamily[]) =>
    comparable(families.filter(({ name }) => !name.startsWith("http_")));
  expect(own(page)).toEqual(own(theirs));
  for (const { body } of streams) body.on("error", () => undefined).destroy();
  await expect.poll(async () => sampleValue(await scrape(pod), "vllm:num_requests_running")).toBe(0);
  const after = await scrape(pod);
  // A client that leaves is counted by no histogram of requests, though its tokens were made.
  expect(sampleValue(after, "vllm:request_success_total", { finished_reason: "abort" })).toBe(0);
  expect(sampleValue(after, "vllm:time_to_first_token_seconds_count")).toBe(3);
  expect(sampleValue(after, "vllm:e2e_request_latency_seconds_count")).toBe(0);
});

it("shows nothing of a step that has not ended, as vLLM's front end has not heard of it", async () => {
  await using fleet = await startFleet({ pods: "a6000:1", speed: 0.0001 });
  const pod = fleet.pod(0);
  const reply = complete(pod, { prompt: Array.from({ length: 2000 }, (_, id) => id) });
  reply.catch(() => undefined);
  await expect.poll(() => pod.stats()).toMatchObject({ running: 1, prefixQueriesTokens: 2000 });
  const page = await scrape(pod);
  for (const name of [
    "num_requests_running",
    "num_requests_waiting",
    "kv_cache_usage_perc",
    "prefix_cache_queries_total",
  ])
    expect(sampleValue(page, `vllm:${name}`)).toBe(0);
  pod.hold();
  // What a test has stopped it sees as it is.
  expect(sampleValue(await scrape(pod), "vllm:num_requests_running")).toBe(1);
});

it("shows a running adapter as the recorded server did", async () => {
  await using fleet = await startFleet(RECORDED_SERVERS.C);
  const pod = fleet.pod(0);
  const loaded = await request(`${pod.url}/v1/load_lora_adapter`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ lora_name: "tiny-lora", lora_path: "/adapters/tiny-lora" }),
  });
  await loaded.body.dump();
  expect(loaded.statusCode).toBe(200);
  await (await complete(pod, { max_tokens: 1 })).body.dump();
  const { body } = await complete(pod, { model: "tiny-lora", stream: true, max_tokens: 500 });
  await once(body, "readable");
  expect(comparable(await scrape(pod))).toEqual(comparable(recorded("metrics-lora-running.txt")));
  body.on("error", () => undefined).destroy();
});

it("counts requests by route as a real server does", async () => {
  await using fleet = await startFleet(RECORDED_SERVERS.B);
  const pod = fleet.pod(0);
  const key = { authorization: "Bearer sk-oracle" };
  const asked = { origin: "http://x", "access-control-request-method": "GET" };
  for (const [method, path, headers] of [
    ["GET", "/v1/models", {}],
    ["OPTIONS", "/v1/models", asked],
    ["GET", "/v1/models", key],
    ["GET", "/v1/models/", key],
    ["DELETE", "/v1/models", key],
    ["GET", "/nowhere", {}],
    // Not counted wherever it stands in a path.
    ["DELETE", "/health", {}],
    ["GET", "/version/", {}],
    ["POST", "/v1/load_lora_adapter", key],
  ] as const) {
    await (await request(`${pod.url}${path}`, { method, headers })).body.dump();
  }
  const series = (await scrape(pod)).find(({ name }) => name === "http_requests_total")?.samples ?? [];
  expect(series.filter(({ name }) => name.endsWith("_total")).map(({ labels }) => Object.values(labels))).toEqual([
    ["/v1/models", "GET", "2xx"],
    ["/v1/models/", "GET", "3xx"],
    ["none", "DELETE", "4xx"],
    ["none", "GET", "4xx"],
  ]);
});

it("shows a real 0.10's page after the same traffic with --vllm-version 0.10", async () => {
  await using fleet = await serverA("0.10");
  const pod = fleet.pod(0);
  const exchanges = readExchanges("fixtures/recordings/wire-0.10.jsonl.gz");
  for (const exchange of exchanges.filter(({ id }) => id.startsWith("public.kv."))) {
    await sendRaw(pod.port, requestBytes(exchange)).response;
  }
  const [page, theirs] = [await scrape(pod, "0.0.4"), recorded("metrics-0.10.txt")];
  expect(comparable(page)).toEqual(comparable(theirs));
  expect(counts(page)).toEqual(counts(theirs));
  const labels = (families: readonly MetricFamily[]) =>
    Object.keys(families.find(({ name }) => name === CACHE_CONFIG)?.samples[0]?.labels ?? {});
  expect(labels(page)).toEqual(labels(theirs).filter((label) => label !== "cpu_kvcache_space_bytes"));
});

/** What does not depend on a clock; in how many steps the requests ran does. */
function counts(page: readonly MetricFamily[]) {
  return page
    .filter(({ name }) => name.startsWith("vllm:") && !/_seconds|_created$|iteration_tokens/.test(name))
    .filter(({ name }) => name !== CACHE_CONFIG)
    .flatMap(({ samples }) => samples.map(({ name, labels, value }) => [name, JSON.stringify(labels), value]))
    .concat([["iteration tokens", "", sampleValue(page, "vllm:iteration_tokens_total_sum") ?? Number.NaN]]);
}
