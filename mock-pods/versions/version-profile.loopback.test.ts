/**
 * What a client can see of a version. Sources: 0.7.2 `engine/metrics.py`, `entrypoints/openai/serving_engine.py`; 0.28.0
 * `v1/metrics/loggers.py`, `distributed/kv_events.py`, `renderers/params.py`; 0.10 and 0.32 as recorded. Pull requests:
 * error bodies #22099, context limits #36197, event maps #42892.
 */
import { request } from "undici";
import { describe, expect, it } from "vitest";
import { parsePrometheusText, sampleValue } from "../../fixtures/wire/prometheus-text.ts";
import { EventParser } from "../../fixtures/wire/server-sent-events.ts";
import { startFleet } from "../fleet/fleet.ts";
import type { Fleet } from "../pod/pod.ts";

const VERSIONS = ["0.7", "0.10", "0.28", "0.32"] as const;
type Version = (typeof VERSIONS)[number];

function fleetOf(version: string, flags: object = {}): Promise<Fleet> {
  return startFleet({
    pods: "a6000:1",
    model: "m",
    speed: 100,
    flags: { "vllm-version": version, "max-model-len": 64, ...flags },
    environment: { VLLM_SERVER_DEV_MODE: "1" },
  });
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, unknown>>;
}

async function ask(fleet: Fleet, method: "GET" | "POST", path: string, body?: object): Promise<Answer> {
  const answer = await request(`${fleet.pod(0).url}${path}`, {
    method,
    headers: { "content-type": "application/json", origin: "http://other.test" },
    ...(body && { body: JSON.stringify(body) }),
  });
  return { status: answer.statusCode, text: await answer.body.text(), headers: answer.headers };
}

const ids = (count: number) => Array.from({ length: count }, (_, id) => id + 10);
const tooLong = { prompt: ids(60), max_tokens: 10 };

const ERRORS: Readonly<Record<Version, string>> = {
  "0.7": '{"object":"error","message":"The model `x` does not exist.","type":"NotFoundError","param":null,"code":404}',
  "0.10": '{"object":"error","message":"The model `x` does not exist.","type":"NotFoundError","param":null,"code":404}',
  "0.28": '{"error":{"message":"The model `x` does not exist.","type":"NotFoundError","param":"model","code":404}}',
  "0.32":
    '{"error":{"message":"The model `x` does not exist. Valid aliases: m.","type":"NotFoundError","param":"model","code":404}}',
};

const OLD_LIMIT =
  "This model's maximum context length is 64 tokens. However, you requested 70 tokens (60 in the messages, 10 in the " +
  "completion). Please reduce the length of the messages or completion.";
const LIMITS: Readonly<Record<Version, readonly [status: number, message: string | undefined]>> = {
  "0.7": [400, OLD_LIMIT],
  "0.10": [400, OLD_LIMIT],
  "0.28": [
    400,
    "This model's maximum context length is 64 tokens. However, you requested 10 output tokens and your prompt contains " +
      "60 input tokens, for a total of 70 tokens. Please reduce the length of the input prompt or the number of requested " +
      "output tokens. (parameter=input_tokens, value=60)",
  ],
  "0.32": [200, undefined],
};

const CHUNK_KEYS: Readonly<Record<Version, readonly [chunk: string, choice: string]>> = {
  "0.7": ["id object created model choices usage", "index text logprobs finish_reason stop_reason"],
  "0.10": ["id object created model choices usage", "index text logprobs finish_reason stop_reason"],
  "0.28": [
    "id object created model choices system_fingerprint",
    "index text logprobs finish_reason stop_reason prompt_token_ids token_ids",
  ],
  "0.32": [
    "id object created model choices system_fingerprint",
    "index text logprobs finish_reason stop_reason prompt_token_ids token_ids",
  ],
};

const FORMATS: Readonly<Record<Version, string>> = {
  "0.7": "version=0.0.4",
  "0.10": "version=0.0.4",
  "0.28": "version=1.0.0",
  "0.32": "version=1.0.0",
};
const USAGE_GAUGES: Readonly<Record<Version, readonly string[]>> = {
  "0.7": ["vllm:gpu_cache_usage_perc"],
  "0.10": ["vllm:gpu_cache_usage_perc", "vllm:kv_cache_usage_perc"],
  "0.28": ["vllm:kv_cache_usage_perc"],
  "0.32": ["vllm:kv_cache_usage_perc"],
};
const HITS: Readonly<Record<Version, readonly string[]>> = {
  "0.7": [],
  "0.10": ["vllm:gpu_prefix_cache_hits_total", "vllm:prefix_cache_hits_total"],
  "0.28": ["vllm:prefix_cache_hits_total"],
  "0.32": ["vllm:prefix_cache_hits_total"],
};
const BETWEEN_TOKENS: Readonly<Record<Version, string>> = {
  "0.7": "vllm:time_per_output_token_seconds",
  "0.10": "vllm:time_per_output_token_seconds",
  "0.28": "vllm:inter_token_latency_seconds",
  "0.32": "vllm:inter_token_latency_seconds",
};
/** Of `/sleep`, `/reset_prefix_cache`, `/pause` and `/v1/completions/render`. */
const PATHS: Readonly<Record<Version, readonly [sleep: string, reset: string, pause: number, render: number]>> = {
  "0.7": ['{"detail":"Not Found"}', "", 404, 404],
  "0.10": ["", "", 404, 404],
  "0.28": ["", '{"success":true}', 200, 200],
  "0.32": ['{"status":"sleeping","level":1}', '{"success":true}', 200, 403],
};

describe.each(VERSIONS)("as vLLM %s", (version) => {
  it("refuses an unknown model", async () => {
    await using fleet = await fleetOf(version);
    const { status, text } = await ask(fleet, "POST", "/v1/completions", { model: "x", prompt: "hi" });
    expect([status, text]).toEqual([404, ERRORS[version]]);
  });

  it("refuses, or cuts, what does not fit into the context", async () => {
    await using fleet = await fleetOf(version);
    const { status, text } = await ask(fleet, "POST", "/v1/completions", tooLong);
    const body = JSON.parse(text) as { message?: string; error?: { message: string } };
    expect([status, body.message ?? body.error?.message]).toEqual(LIMITS[version]);
  });

  it("streams the keys it had, and makes ids of its length", async () => {
    await using fleet = await fleetOf(version);
    const body = { prompt: "hi", max_tokens: 1, stream: true };
    const { text, headers } = await ask(fleet, "POST", "/v1/completions", body);
    const [chunk = ""] = new EventParser().push(new TextEncoder().encode(text));
    const event = JSON.parse(chunk) as { id: string; choices: [object] };
    expect([Object.keys(event).join(" "), Object.keys(event.choices[0]).join(" ")]).toEqual(CHUNK_KEYS[version]);
    expect(event.id).toMatch(version === "0.32" ? /^cmpl-[0-9a-f]{16}$/ : /^cmpl-[0-9a-f]{32}$/);
    expect(headers["access-control-allow-origin"]).toBe(version === "0.32" ? undefined : "*");
  });

  it("shows its metrics by their names of then, with one traffic's numbers", async () => {
    await using fleet = await fleetOf(version, { "enable-prefix-caching": true });
    for (let time = 0; time < 2; time++) {
      await ask(fleet, "POST", "/v1/completions", { prompt: ids(40), max_tokens: 4, ignore_eos: true });
    }
    const { text, headers } = await ask(fleet, "GET", "/metrics");
    expect(headers["content-type"]).toContain(FORMATS[version]);
    expect(text.includes("vllm:prompt_tokens_created")).toBe(version !== "0.7");
    const page = parsePrometheusText(text);
    const named = (pattern: RegExp) => page.map(({ name }) => name).filter((name) => pattern.test(name));
    expect(named(/^vllm:(gpu|kv)_cache_usage_perc$/)).toEqual(USAGE_GAUGES[version]);
    const labels = { model_name: "m", ...(version === "0.7" ? {} : { engine: "0" }) };
    for (const name of HITS[version]) expect(sampleValue(page, name, labels)).toBe(32);
    if (version === "0.7") expect(sampleValue(page, "vllm:gpu_prefix_cache_hit_rate", labels)).toBe(32 / 80);
    expect(named(/^vllm:(time_per_output_token|inter_token_latency)_seconds$/)).toEqual([BETWEEN_TOKENS[version]]);
    expect(sampleValue(page, `${BETWEEN_TOKENS[version]}_count`, labels)).toBe(6);
    expect(named(/^vllm:admission_rejections_total$/)).toHaveLength(version === "0.32" ? 1 : 0);
    expect(sampleValue(page, "vllm:generation_tokens_total", labels)).toBe(8);
    expect(named(/^(process_start_time_seconds|http_requests_total)$/)).toHaveLength(version === "0.7" ? 0 : 2);
  });

  it("has the endpoints it had", async () => {
    await using fleet = await fleetOf(version);
    const [reset, pause, render, sleep] = [
      await ask(fleet, "POST", "/reset_prefix_cache"),
      await ask(fleet, "POST", "/pause"),
      await ask(fleet, "POST", "/v1/completions/render", { prompt: "hi" }),
      await ask(fleet, "POST", "/sleep"),
    ];
    expect([sleep.text, reset.text, pause.status, render.status]).toEqual(PATHS[version]);
  });
});

it("names the versions there are when asked for another", async () => {
  await expect(fleetOf("0.9")).rejects.toThrow('vllm-version "0.9"; there are 0.7, 0.10, 0.28, 0.32');
});

it("refuses KV events of a version that had none", async () => {
  const flags = { "kv-events-config": '{"enable_kv_cache_events":true}' };
  await expect(fleetOf("0.7", flags)).rejects.toThrow(/vLLM 0\.7\.2 has no KV events, which came with 0\.9/);
});

it.each(VERSIONS)("caches prefixes as vLLM %s does unless told", async (version) => {
  await using fleet = await fleetOf(version, { "enable-prompt-tokens-details": true });
  const cached = async () => {
    const { text } = await ask(fleet, "POST", "/v1/completions", { prompt: ids(40), max_tokens: 1 });
    return (JSON.parse(text) as { usage: { prompt_tokens_details: { cached_tokens: number } | null } }).usage
      .prompt_tokens_details?.cached_tokens;
  };
  const never = version === "0.28" || version === "0.32" ? 0 : undefined;
  expect([await cached(), await cached()]).toEqual([never, version === "0.7" ? undefined : 32]);
});

it("judges as the engine V0 did with 0.7", async () => {
  await using fleet = await fleetOf("0.7");
  const said = async (body: object) => JSON.parse((await ask(fleet, "POST", "/v1/completions", body)).text) as Said;
  interface Said {
    readonly message: string;
    readonly type: string;
  }
  expect(await said({ max_tokens: 1 })).toMatchObject({
    message: "[{'type': 'missing', 'loc': ('body', 'prompt'), 'msg': 'Field required', 'input': {'max_tokens': 1}}]",
    type: "BadRequestError",
  });
  const refusals = [{ priority: 1 }, { top_k: 0 }, { logprobs: 21 }, { repetition_penalty: 3 }];
  const messages = [];
  for (const refused of refusals) messages.push((await said({ prompt: "hi", ...refused })).message);
  expect(messages).toEqual([
    "Got priority 1 but Priority scheduling is not enabled.",
    "top_k must be -1 (disable), or at least 1, got 0.",
    "Cannot request more than 20 logprobs.",
    "repetition_penalty must be in (0, 2], got 3.0.",
  ]);
});
