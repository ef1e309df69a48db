import { Readable, Writable } from "node:stream";
import OpenAI from "openai";
import {
  Agent,
  fetch as undiciFetch,
  getGlobalDispatcher,
  interceptors,
  Pool,
  request,
  setGlobalDispatcher,
  stream as undiciStream,
} from "undici";
import { afterEach, expect, it, onTestFinished } from "vitest";
import { EventParser } from "../../fixtures/wire/server-sent-events.ts";
import { createPod } from "../pod/in-process.ts";
import { PodDispatcher } from "./undici.ts";

const pods = [createPod({ name: "one", speed: 50 }), createPod({ name: "two", speed: 50 })] as const;
const [one, two] = pods;
const byOrigin = { "http://one.test": one, "http://two.test:8000": two };
const dispatcher = new PodDispatcher(byOrigin);
afterEach(() => Promise.all(pods.map((pod) => pod.reset())));

const headers = { "content-type": "application/json" };

function completion(more: object = {}) {
  const asked = { model: one.model, prompt: "hello", max_tokens: 8, ignore_eos: true, ...more };
  return { method: "POST" as const, headers, body: JSON.stringify(asked) };
}

const complete = (more: object = {}, options: object = {}) =>
  request("http://one.test/v1/completions", { ...completion(more), dispatcher, ...options });

it("answers `request` by origin, with the pod's own headers", async () => {
  const names = ["http://one.test/health", "http://two.test:8000/health"].map(async (url) => {
    const { statusCode, headers: answered } = await request(url, { dispatcher });
    return [statusCode, answered["x-inference-pod"], answered["server"]];
  });
  expect(await Promise.all(names)).toEqual([
    [200, "one", "uvicorn"],
    [200, "two", "uvicorn"],
  ]);
  const answer = await complete();
  expect(answer.statusText).toBe("OK");
  expect(await answer.body.json()).toMatchObject({ usage: { completion_tokens: 8 } });
  expect(one.journal()).toMatchObject([{ path: "/health" }, { path: "/v1/completions", ended: { how: "finished" } }]);
});

it("streams one event a token, then [DONE]", async () => {
  const { body } = await complete({ stream: true });
  const events = new EventParser().push(new Uint8Array(await body.arrayBuffer()));
  expect(events).toHaveLength(9);
  expect(events.at(-1)).toBe("[DONE]");
});

it("is a global dispatcher, for undici's fetch and Node's", async () => {
  const before = getGlobalDispatcher();
  onTestFinished(() => setGlobalDispatcher(before));
  setGlobalDispatcher(dispatcher);
  for (const ask of [undiciFetch, fetch]) {
    const answer = await ask("http://two.test:8000/v1/models");
    expect([answer.status, answer.headers.get("x-inference-pod")]).toEqual([200, "two"]);
    expect(await answer.json()).toMatchObject({ data: [{ id: two.model }] });
  }
});

it("serves the openai client, streamed and not", async () => {
  const client = new OpenAI({
    baseURL: "http://one.test/v1",
    apiKey: "none",
    maxRetries: 0,
    fetchOptions: { dispatcher } as object,
    fetch: undiciFetch as unknown as typeof fetch,
  });
  const messages = [{ role: "user" as const, content: "hello" }];
  const whole = await client.chat.completions.create({ model: one.model, messages, max_tokens: 5 });
  expect(whole.usage?.completion_tokens).toBe(5);
  const stream = await client.chat.completions.create({ model: one.model, messages, max_tokens: 5, stream: true });
  const texts: string[] = [];
  for await (const { choices } of stream) texts.push(choices[0]?.delta.content ?? "");
  expect(texts.filter((text) => text !== "")).toHaveLength(5);
});

it("works behind an Agent's factory, in a Pool, and composed with interceptors", async () => {
  const agent = new Agent({ factory: () => dispatcher });
  const pool = new Pool("http://one.test", {
    factory: (origin) => new PodDispatcher({ [origin.origin]: one }),
    connections: 2,
  });
  const retrying = new PodDispatcher(byOrigin).compose(interceptors.retry({ maxRetries: 2, minTimeout: 1 }));
  one.inject({ kind: "error", status: 503, path: "/version", times: 2 });
  const answered = await Promise.all([
    request("http://two.test:8000/version", { dispatcher: agent }),
    pool.request({ path: "/health", method: "GET" }),
    request("http://one.test/version", { dispatcher: retrying }),
  ]);
  expect(answered.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200]);
  expect(await answered[2].body.json()).toHaveProperty("version");
  await pool.close();
  await retrying.close();
});

it("takes bodies and headers in every form undici takes", async () => {
  const text = completion({ max_tokens: 1 }).body;
  const bodies = [text, Buffer.from(text), Readable.from([text.slice(0, 9), text.slice(9)])];
  const forms = [headers, Object.entries(headers).flat(), new Map(Object.entries(headers))];
  for (const [index, body] of bodies.entries()) {
    const { statusCode } = await complete({}, { body, headers: forms[index] });
    expect(statusCode).toBe(200);
  }
  const { statusCode } = await request("http://one.test/__pod/arrivals", { dispatcher, query: { count: 3 } });
  expect(statusCode).toBe(200);
});

it("frees the engine when a stream is aborted or its body destroyed", async () => {
  const controller = new AbortController();
  const [aborted, destroyed] = await Promise.all([
    complete({ stream: true, max_tokens: 2000 }, { signal: controller.signal }),
    complete({ stream: true, max_tokens: 2000 }),
  ]);
  // A head leaves before its request is scheduled.
  await expect.poll(() => one.stats().running).toBe(2);
  controller.abort(new Error("changed my mind"));
  await expect(aborted.body.text()).rejects.toThrow("changed my mind");
  destroyed.body.destroy();
  await expect.poll(() => one.stats().running).toBe(0);
  expect(one.journal().map(({ ended }) => ended?.how)).toEqual(["disconnected", "disconnected"]);
});

it("takes back a request that nobody answered yet", async () => {
  one.hold();
  const controller = new AbortController();
  const asked = complete({}, { signal: controller.signal });
  await one.waitForArrivals(1);
  controller.abort();
  await expect(asked).rejects.toThrow(/abort/i);
  expect(one.journal()).toMatchObject([{ ended: { how: "disconnected" } }]);
});

it("hands over no more than a slow reader takes", async () => {
  let handed = 0;
  const held = Promise.withResolvers<void>();
  const reader = new Writable({
    highWaterMark: 1,
    write(_chunk, _encoding, done) {
      handed++;
      void held.promise.then(() => done());
    },
  });
  const asked = { ...completion({ stream: true, max_tokens: 64 }), dispatcher };
  const finished = undiciStream("http://one.test/v1/completions", asked, () => reader);
  await expect.poll(() => one.journal()[0]?.ended?.how).toBe("finished");
  expect(handed).toBe(1);
  held.resolve();
  await finished;
  expect(handed).toBe(65);
});

it.each([
  ["refuse", {}, "ECONNREFUSED"],
  ["reset", { afterChunks: 0 }, "ECONNRESET"],
  ["hang", {}, "UND_ERR_HEADERS_TIMEOUT"],
] as const)("fails as a socket would: %s", async (kind, more, code) => {
  one.inject({ kind, ...more });
  await expect(complete({}, { headersTimeout: 50 })).rejects.toMatchObject({ code });
});

it.each([
  ["reset", "ECONNRESET"],
  ["stall", "UND_ERR_BODY_TIMEOUT"],
] as const)("fails in the middle of a stream as a socket would: %s", async (kind, code) => {
  one.inject({ kind, afterChunks: 2 });
  const { statusCode, body } = await complete({ stream: true }, { bodyTimeout: 100 });
  expect(statusCode).toBe(200);
  await expect(body.text()).rejects.toMatchObject({ code });
});

it("says for which origins it answers, or leaves the others to another dispatcher", async () => {
  const elsewhere = "http://elsewhere.test/health";
  await expect(request(elsewhere, { dispatcher })).rejects.toThrow(/elsewhere\.test; for http:\/\/one\.test, http:/);
  const otherwise = new PodDispatcher({ "http://elsewhere.test": two });
  const both = new PodDispatcher(byOrigin, { otherwise });
  expect((await request(elsewhere, { dispatcher: both })).headers["x-inference-pod"]).toBe("two");
});

it("waits for open requests when closed, ends them when destroyed, and takes no more", async () => {
  const closing = new PodDispatcher(byOrigin);
  const answer = complete({}, { dispatcher: closing });
  await one.waitForArrivals(1);
  await closing.close();
  expect((await answer).statusCode).toBe(200);
  await expect(complete({}, { dispatcher: closing })).rejects.toMatchObject({ code: "UND_ERR_DESTROYED" });
  const destroying = new PodDispatcher(byOrigin);
  one.hold();
  const never = complete({}, { dispatcher: destroying });
  await one.waitForArrivals(2);
  await Promise.all([expect(never).rejects.toMatchObject({ code: "UND_ERR_DESTROYED" }), destroying.destroy()]);
});
