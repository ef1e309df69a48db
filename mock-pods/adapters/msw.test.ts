import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setupServer } from "msw/node";
import OpenAI from "openai";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createPod } from "../pod/in-process.ts";
import { mockVllm } from "./msw.ts";

const { pod, handlers } = mockVllm("http://vllm.test", { profile: "v100", speed: 20 });
const server = setupServer(...handlers);
beforeAll(() => server.listen({ onUnhandledFrame: "error" }));
afterAll(() => server.close());

it("answers the global fetch without a socket", async () => {
  const response = await fetch("http://vllm.test/metrics");
  expect(response.headers.get("x-inference-pod")).toBe("v100");
  expect(await response.text()).toContain("vllm:num_requests_running");
  expect(pod.journal()).toMatchObject([{ path: "/metrics", status: 200, ended: { how: "finished" } }]);
});

it("streams to the openai client token by token", async () => {
  const client = new OpenAI({ baseURL: "http://vllm.test/v1", apiKey: "none", maxRetries: 0 });
  const stream = await client.completions.create({ model: pod.model, prompt: "hello", max_tokens: 8, stream: true });
  const texts: string[] = [];
  for await (const { choices } of stream) texts.push(choices[0]?.text ?? "");
  expect(texts.length).toBe(8);
  expect(texts.every((text) => text !== "")).toBe(true);
});

it("frees the engine when the client stops reading", async () => {
  await pod.reset();
  const controller = new AbortController();
  const response = await fetch("http://vllm.test/v1/completions", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: pod.model, prompt: "hello", max_tokens: 1000, ignore_eos: true, stream: true }),
    signal: controller.signal,
  });
  await response.body?.getReader().read();
  expect(pod.stats().running).toBe(1);
  controller.abort();
  await expect.poll(() => pod.stats().running).toBe(0);
  expect(pod.journal()).toMatchObject([{ ended: { how: "disconnected" } }]);
});

it("goes wrong in process as it does over a socket", async () => {
  const alone = createPod({ speed: 20 });
  const body = JSON.stringify({ model: alone.model, prompt: "hello", max_tokens: 8, stream: true });
  const headers = { "content-type": "application/json" };
  const ask = () => alone.fetch(new Request("http://any.host/v1/completions", { method: "POST", headers, body }));
  const stop = alone.inject({ kind: "error", status: 503, message: "too busy" });
  expect((await ask()).status).toBe(503);
  stop();
  alone.inject({ kind: "reset", afterChunks: 2 });
  await expect(ask().then((response) => response.text())).rejects.toThrow("connection reset by the pod");
  await alone.reset();
  alone.inject({ kind: "refuse" });
  await expect(ask()).rejects.toThrow("connection refused by the pod");
  await alone.reset();
  expect((await ask()).status).toBe(200);
});

it("shows a refused connection as a network error", async () => {
  await pod.reset();
  pod.inject({ kind: "refuse" });
  await expect(fetch("http://vllm.test/health")).rejects.toThrow(/fetch/i);
  await pod.reset();
});

it("takes a Request and gives a Response", async () => {
  const alone = createPod();
  const response = await alone.fetch(new Request("http://any.host/__pod/holds-prefix", { method: "POST", body: "{" }));
  expect([response.status, response.headers.get("content-type")]).toEqual([400, "application/json"]);
});

it("rejects a request that was aborted", async () => {
  const alone = createPod();
  const request = new Request("http://any.host/health", { signal: AbortSignal.abort(new Error("changed my mind")) });
  await expect(alone.fetch(request)).rejects.toThrow("changed my mind");
});

it("reaches no module of Node's, so that a bundler can take it to a browser", () => {
  const reached = new Set<string>();
  const nodeImports: string[] = [];
  const visit = (file: string): void => {
    if (reached.has(file)) return;
    reached.add(file);
    const imports = /^(?:import|export)\s(?:[^"();]*\sfrom\s)?"([^"]+)"/gm;
    for (const [statement, target = ""] of readFileSync(file, "utf8").matchAll(imports)) {
      if (/^(import|export) type/.test(statement)) continue;
      if (target.startsWith("node:")) nodeImports.push(`${file} -> ${target}`);
      else if (target.startsWith(".") && target.endsWith(".ts")) visit(join(dirname(file), target));
    }
  };
  visit("mock-pods/adapters/msw.ts");
  expect([...reached]).toContain("mock-pods/engine/scheduler.ts");
  expect(nodeImports).toEqual([]);
});
