import OpenAI from "openai";
import { request } from "undici";
import { expect, it } from "vitest";
import { EventParser } from "../../fixtures/wire/server-sent-events.ts";
import { startFleet } from "../fleet/fleet.ts";

const TINY = { pods: "a6000:1", tokenizer: "fixtures/recordings/tokenizer", model: "tiny", speed: 100 } as const;

async function post(url: string, path: string, body: unknown) {
  return request(`${url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

it("answers every form of prompt with as many tokens as it says", async () => {
  await using fleet = await startFleet(TINY);
  const { url } = fleet.pod(0);
  const forms = [
    ["hello world", 3, 1],
    [["hello world", "the quick brown fox"], 7, 2],
    [[100, 101, 102], 3, 1],
    [[[100, 101], [102]], 3, 2],
  ] as const;
  for (const [prompt, promptTokens, choices] of forms) {
    const { statusCode, body } = await post(url, "/v1/completions", { prompt, max_tokens: 5, ignore_eos: true });
    const answer = (await body.json()) as { choices: { finish_reason: string }[]; usage: object };
    expect(statusCode).toBe(200);
    expect(answer.choices.map((choice) => choice.finish_reason)).toEqual(Array(choices).fill("length"));
    expect(answer.usage).toMatchObject({ prompt_tokens: promptTokens, completion_tokens: 5 * choices });
  }
});

it("streams one word a chunk, which the tokenizer counts as one token, then [DONE]", async () => {
  await using fleet = await startFleet(TINY);
  const { url } = fleet.pod(0);
  const { body } = await post(url, "/v1/completions", {
    prompt: "hello",
    max_tokens: 40,
    ignore_eos: true,
    stream: true,
  });
  const events = new EventParser().push(new Uint8Array(await body.arrayBuffer()));
  expect(events.at(-1)).toBe("[DONE]");
  const texts = events
    .slice(0, -1)
    .map((data) => (JSON.parse(data) as { choices: [{ text: string }] }).choices[0].text);
  expect(texts).toHaveLength(40);
  const retold = await post(url, "/tokenize", { prompt: texts.join("") });
  expect(await retold.body.json()).toMatchObject({ count: 40 });
});

it("serves the openai client, whole and streamed", async () => {
  await using fleet = await startFleet({ pods: "v100:1", model: "tiny", speed: 100 });
  const client = new OpenAI({ baseURL: `${fleet.pod(0).url}/v1`, apiKey: "none", maxRetries: 0 });
  const messages = [{ role: "user" as const, content: "Say something." }];
  const whole = await client.chat.completions.create({ model: "tiny", messages, max_completion_tokens: 7 });
  expect(whole.usage?.completion_tokens).toBe(7);
  const stream = await client.chat.completions.create({
    model: "tiny",
    messages,
    max_completion_tokens: 7,
    stream: true,
    stream_options: { include_usage: true },
  });
  let text = "";
  let counted: number | undefined;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? "";
    counted = chunk.usage?.completion_tokens ?? counted;
  }
  expect(text).toBe(whole.choices[0]?.message.content);
  expect(counted).toBe(7);
  await expect(client.chat.completions.create({ model: "other", messages })).rejects.toMatchObject({
    status: 404,
    message: expect.stringContaining("The model `other` does not exist."),
  });
});

it.each([true, false])("frees the blocks of a request whose client left (stream: %j)", async (stream) => {
  await using fleet = await startFleet({ pods: "a6000:1", model: "tiny" });
  const pod = fleet.pod(0);
  const leaving = new AbortController();
  const answer = request(`${pod.url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ prompt: "word ".repeat(100), max_tokens: 4000, ignore_eos: true, stream }),
    signal: leaving.signal,
  }).then(({ body }) => body.text());
  answer.catch(() => undefined);
  await expect.poll(() => pod.stats().running).toBe(1);
  leaving.abort();
  await expect(answer).rejects.toThrow(/abort/i);
  await expect.poll(() => pod.stats()).toMatchObject({ running: 0, kvUsageRatio: 0 });
  await expect.poll(() => pod.journal()[0]?.ended?.how).toBe("disconnected");
});

it("gives every token of a prompt its own logprob and the likeliest, the first none", async () => {
  await using fleet = await startFleet(TINY);
  const { url } = fleet.pod(0);
  const prompt = [100, 101, 102];
  const whole = await post(url, "/v1/completions", { prompt, max_tokens: 1, prompt_logprobs: 2 });
  const { choices } = (await whole.body.json()) as { choices: [{ prompt_logprobs: (object | null)[] }] };
  const [first, ...others] = choices[0].prompt_logprobs;
  expect([first, others.map((one) => Object.keys(one ?? {}).length)]).toEqual([null, [3, 3]]);
  expect(others[0]).toMatchObject({
    101: { rank: expect.any(Number), logprob: expect.any(Number), decoded_token: expect.any(String) },
  });
  const messages = [{ role: "user", content: "hi" }];
  const chat = await post(url, "/v1/chat/completions", { messages, max_tokens: 1, prompt_logprobs: 0 });
  const { prompt_logprobs: told, usage } = (await chat.body.json()) as {
    prompt_logprobs: unknown[];
    usage: { prompt_tokens: number };
  };
  expect(told).toHaveLength(usage.prompt_tokens);
});

it("leaves the parts of a message to a template that iterates over them", async () => {
  await using fleet = await startFleet(TINY);
  const { url } = fleet.pod(0);
  const parts = ["hello", " world"].map((text) => ({ type: "text", text }));
  const counts = [parts, "hello world"].map(async (content) => {
    const { body } = await post(url, "/tokenize", { messages: [{ role: "user", content }] });
    return ((await body.json()) as { tokens: number[] }).tokens;
  });
  const [fromParts, fromText] = await Promise.all(counts);
  expect(fromParts).toEqual(fromText);
});

it("tells where KV events are really published, and what it is, in development mode", async () => {
  const events = { enable_kv_cache_events: true, endpoint: "tcp://*:0", replay_endpoint: "tcp://*:0" };
  await using fleet = await startFleet({
    ...TINY,
    flags: { "kv-events-config": JSON.stringify(events) },
    environment: { VLLM_SERVER_DEV_MODE: "1" },
  });
  const { url, kvEvents } = fleet.pod(0);
  const get = async (path: string) => (await request(`${url}${path}`)).body.json();
  expect(await get("/kv_event_sources")).toMatchObject({
    "0": { endpoint: kvEvents?.endpoint, replay_endpoint: kvEvents?.replayEndpoint },
  });
  expect(Object.keys((await get("/server_info")) as object)).toEqual(["vllm_config", "vllm_env", "system_env"]);
  const aborted = await post(url, "/abort_requests", { request_ids: ["a", "b"] });
  expect(await aborted.body.json()).toEqual({ status: "aborted", aborted: 2 });
});
