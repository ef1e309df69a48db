import { connect } from "node:net";
import { once } from "node:events";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Agent, request } from "undici";
import { afterAll, expect, it } from "vitest";
import { parsePrometheusText, sampleValue } from "../../fixtures/wire/prometheus-text.ts";
import { startFleet } from "../fleet/fleet.ts";
import type { Fault } from "./fault.ts";

/** Fifty times faster than a card, so that a stream of eight tokens takes about 5 ms. */
const fleet = await startFleet({ pods: "a6000:1", speed: 50, seed: 7 });
const pod = fleet.pod(0);
afterAll(() => fleet.close());

/** A fresh pod under these faults, for as long as the test takes. */
async function struck(...faults: Fault[]): Promise<void> {
  await pod.reset();
  for (const fault of faults) pod.inject(fault);
}

async function complete(body: object, signal?: AbortSignal) {
  const response = await request(`${pod.url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: pod.model, prompt: "one two three", max_tokens: 8, ignore_eos: true, ...body }),
    ...(signal && { signal }),
  });
  return response;
}

const stream = (signal?: AbortSignal) => complete({ stream: true }, signal);

/** Everything that comes until the stream ends, breaks, or is silent for a while. */
async function collect(response: Awaited<ReturnType<typeof stream>>) {
  const parts: Buffer[] = [];
  const ended = (async () => {
    for await (const part of response.body) parts.push(part as Buffer);
    return "whole";
  })().catch(() => "broken");
  const silent = new Promise<string>((resolve) => setTimeout(() => resolve("silent"), 400));
  const how = await Promise.race([ended, silent]);
  if (how === "silent") {
    response.body.destroy();
    await ended;
  }
  const text = Buffer.concat(parts).toString();
  return { how, text, parts, events: text.split("\n\n").filter(Boolean) };
}

it("answers with an error status and vLLM's error body", async () => {
  await struck({ kind: "error", status: 503, message: "too busy" });
  const { statusCode, body } = await stream();
  expect(statusCode).toBe(503);
  expect(await body.json()).toEqual({
    error: { message: "too busy", type: "Service Unavailable", param: null, code: 503 },
  });
  expect((await request(`${pod.url}/health`)).statusCode).toBe(200);
});

it("strikes the path it names and no other", async () => {
  await struck({ kind: "error", status: 500, path: "/health" });
  expect((await request(`${pod.url}/health`)).statusCode).toBe(500);
  expect((await complete({})).statusCode).toBe(200);
});

it("strikes so many times and no more", async () => {
  await struck({ kind: "error", status: 500, times: 2 });
  const statuses = [];
  for (let attempt = 0; attempt < 3; attempt++) statuses.push((await complete({})).statusCode);
  expect(statuses).toEqual([500, 500, 200]);
});

it("strikes the same share of requests for the same seed", async () => {
  const run = async () => {
    await using other = await startFleet({ pods: "a6000:1", speed: 50, seed: 3 });
    other.pod(0).inject({ kind: "error", status: 500, share: 0.5, path: "/ping" });
    const statuses = [];
    for (let attempt = 0; attempt < 40; attempt++) {
      const { statusCode, body } = await request(`${other.pod(0).url}/ping`);
      await body.dump();
      statuses.push(statusCode);
    }
    return statuses;
  };
  const first = await run();
  expect(await run()).toEqual(first);
  expect(first.filter((status) => status === 500).length).toBeGreaterThan(8);
  expect(first.filter((status) => status === 200).length).toBeGreaterThan(8);
});

it("hangs before the headers until the client leaves", async () => {
  await struck({ kind: "hang" });
  await expect(stream(AbortSignal.timeout(200))).rejects.toThrow(/timeout|aborted/i);
  await expect.poll(() => pod.journal()[0]?.ended?.how).toBe("disconnected");
});

it("stalls in the middle of a stream, the connection open", async () => {
  await struck({ kind: "stall", afterChunks: 3 });
  const { how, events } = await collect(await stream());
  expect([how, events.length]).toEqual(["silent", 3]);
  await expect.poll(() => pod.journal()[0]?.ended?.how).toBe("disconnected");
});

it("resets before the status line", async () => {
  await struck({ kind: "reset" });
  await expect(stream()).rejects.toThrow(/socket|reset|closed/i);
  expect(pod.journal()[0]?.ended?.how).toBe("failed");
});

it("resets in the middle of a stream and frees the engine", async () => {
  await struck({ kind: "reset", afterChunks: 2 });
  const { how } = await collect(await stream());
  expect(how).toBe("broken");
  await expect.poll(() => pod.running()).toEqual([]);
  expect(pod.journal()[0]).toMatchObject({ ended: { how: "failed" } });
});

it("truncates a stream in good order, without [DONE]", async () => {
  await struck({ kind: "truncate", afterChunks: 2 });
  const { how, events } = await collect(await stream());
  expect([how, events.length]).toEqual(["whole", 2]);
  expect(events.join("")).not.toContain("[DONE]");
  await expect.poll(() => pod.running()).toEqual([]);
});

it("drips", async () => {
  await struck({ kind: "drip", everyMs: 1500 });
  const startedMs = performance.now();
  const { how, events } = await collect(await stream());
  expect([how, events.at(-1)]).toEqual(["whole", "data: [DONE]"]);
  // Nine chunks and the end, 1,500 simulated ms apart, at 50 times the speed.
  expect(performance.now() - startedMs).toBeGreaterThan(10 * 30 - 5);
});

it("splits events and UTF-8 across writes, and loses no byte", async () => {
  await struck({ kind: "split", bytes: 5 });
  const prompt = "naïve 東京 👩‍👩‍👧";
  const pieces = await rawChunks({
    model: pod.model,
    prompt,
    max_tokens: 8,
    ignore_eos: true,
    stream: true,
    echo: true,
  });
  expect(Math.max(...pieces.map((piece) => piece.length))).toBe(5);
  expect(pieces.some((piece) => piece.toString().includes("\uFFFD"))).toBe(true);
  const events = Buffer.concat(pieces).toString().split("\n\n").filter(Boolean);
  expect(events.at(-1)).toBe("data: [DONE]");
  const texts = events.slice(0, -1).map((event) => {
    const { choices } = JSON.parse(event.slice("data: ".length)) as { choices: { text: string }[] };
    return choices[0]?.text;
  });
  expect(texts.join("").startsWith(prompt)).toBe(true);
});

it("cuts the JSON of the chunk it names", async () => {
  await struck({ kind: "malformed-json", chunk: 1 });
  const { how, events } = await collect(await stream());
  expect(how).toBe("whole");
  const parses = events.slice(0, 3).map((event) => {
    try {
      return typeof JSON.parse(event.slice("data: ".length)) === "object";
    } catch {
      return false;
    }
  });
  expect(parses).toEqual([true, false, true]);
});

it("cuts the JSON of a whole answer", async () => {
  await struck({ kind: "malformed-json" });
  const { statusCode, body } = await complete({});
  expect(statusCode).toBe(200);
  await expect(body.json()).rejects.toThrow(SyntaxError);
});

it("refuses connections while open ones live on, and accepts them again", async () => {
  await struck();
  const running = await complete({ stream: true, max_tokens: 200 });
  const stop = pod.inject({ kind: "refuse" });
  const fresh = new Agent();
  await expect(request(`${pod.url}/health`, { dispatcher: fresh })).rejects.toThrow(/ECONNREFUSED/);
  expect((await collect(running)).events.at(-1)).toBe("data: [DONE]");
  stop();
  await expect.poll(async () => (await request(`${pod.url}/health`, { dispatcher: fresh })).statusCode).toBe(200);
  await fresh.close();
});

it("dies silently: the port closes and open streams say no more", async () => {
  await struck();
  const running = await complete({ stream: true, max_tokens: 400 });
  pod.inject({ kind: "silent-shutdown", untilMs: 60_000 });
  const { how, text } = await collect(running);
  expect(how).toBe("silent");
  expect(text).not.toContain("[DONE]");
  await expect(request(`${pod.url}/health`, { dispatcher: new Agent() })).rejects.toThrow(/ECONNREFUSED/);
  await pod.reset();
  await expect.poll(() => request(`${pod.url}/health`).then((answer) => answer.statusCode)).toBe(200);
});

it("begins and ends by the pod's clock", async () => {
  await struck({ kind: "error", status: 500, path: "/health", fromMs: 5_000, untilMs: 15_000 });
  const statuses = new Set<number>();
  const health = async () => {
    const { statusCode, body } = await request(`${pod.url}/health`);
    await body.dump();
    statuses.add(statusCode);
    return statusCode;
  };
  expect(await health()).toBe(200);
  await expect.poll(health, { interval: 10 }).toBe(500);
  await expect.poll(health, { interval: 10 }).toBe(200);
});

async function metrics() {
  const { statusCode, body } = await request(`${pod.url}/metrics`);
  const text = await body.text();
  return { statusCode, text, families: statusCode === 200 ? parsePrometheusText(text) : [] };
}

it("shows stale, blank, NaN, missing, failing and slow metrics", async () => {
  const total = "vllm:generation_tokens_total";
  await struck();
  await complete({}).then(({ body }) => body.dump());
  const stop = pod.inject({ kind: "metrics", how: "stale" });
  await complete({}).then(({ body }) => body.dump());
  expect(sampleValue((await metrics()).families, total)).toBe(8);
  stop();
  expect(sampleValue((await metrics()).families, total)).toBe(16);
  await struck({ kind: "metrics", how: "blank" });
  expect((await metrics()).text).toBe("");
  await struck({ kind: "metrics", how: "nan", families: [total] });
  expect(sampleValue((await metrics()).families, total)).toBeNaN();
  expect(sampleValue((await metrics()).families, "vllm:num_requests_running")).toBe(0);
  await struck({ kind: "metrics", how: "missing" });
  expect((await metrics()).families.filter(({ name }) => name.startsWith("vllm:"))).toEqual([]);
  await struck({ kind: "metrics", how: "error" });
  expect((await metrics()).statusCode).toBe(500);
  await struck({ kind: "metrics", how: "slow", delayMs: 5_000 });
  const startedMs = performance.now();
  await metrics();
  expect(performance.now() - startedMs).toBeGreaterThan(95);
});

it("slows the engine", async () => {
  await struck({ kind: "slow-engine", factor: 10 });
  await complete({}).then(({ body }) => body.dump());
  const { families } = await metrics();
  const e2eSeconds = sampleValue(families, "vllm:e2e_request_latency_seconds_sum") ?? 0;
  await struck();
  await complete({}).then(({ body }) => body.dump());
  const usual = sampleValue((await metrics()).families, "vllm:e2e_request_latency_seconds_sum") ?? 0;
  expect(e2eSeconds / usual).toBeCloseTo(10, 0);
});

it("shrinks the cache: requests wait for blocks, and run when they come back", async () => {
  await struck();
  const total = pod.stats().totalBlocks;
  const stop = pod.inject({ kind: "less-cache", blocks: total - 2 });
  expect(pod.stats()).toMatchObject({ totalBlocks: 2, freeBlocks: 2 });
  const waiting = complete({ prompt: Array.from({ length: 100 }, (_, id) => 1000 + id) });
  await pod.waitForArrivals(1);
  await expect.poll(() => pod.stats()).toMatchObject({ waiting: 1, running: 0 });
  stop();
  expect((await waiting).statusCode).toBe(200);
  expect(pod.stats().totalBlocks).toBe(total);
});

it("takes faults over HTTP, lists and removes them, and refuses impossible ones in one line", async () => {
  await struck();
  const url = `${pod.url}/__pod/faults`;
  const post = (fault: unknown) => request(url, { method: "POST", body: JSON.stringify(fault) });
  const { id } = (await (await post({ kind: "error", status: 500 })).body.json()) as { id: number };
  expect((await complete({})).statusCode).toBe(500);
  expect(await (await request(url)).body.json()).toEqual([{ id, fault: { kind: "error", status: 500 } }]);
  await request(`${url}?id=${id}`, { method: "DELETE" });
  expect((await complete({})).statusCode).toBe(200);
  const refused = await post({ kind: "explode" });
  expect(refused.statusCode).toBe(400);
  expect(((await refused.body.json()) as { error: { message: string } }).error.message).toMatch(/kind.*explode/);
  expect((await request(`${url}?id=99`, { method: "DELETE" })).statusCode).toBe(400);
});

it("reads a file of faults, and refuses one that names no pod of the fleet", async () => {
  const file = join(mkdtempSync(join(tmpdir(), "faults-")), "faults.json");
  writeFileSync(file, JSON.stringify({ faults: [{ pod: "*", fault: { kind: "error", status: 502, path: "/ping" } }] }));
  await using other = await startFleet({ pods: "a6000:2", faults: file });
  for (const { url } of other.pods) expect((await request(`${url}/ping`)).statusCode).toBe(502);
  const faults = { faults: [{ pod: "h100-0", fault: { kind: "hang" as const } }] };
  await expect(startFleet({ pods: "a6000:1", faults })).rejects.toMatchObject({ code: "USAGE" });
});

/** The HTTP chunks of a streamed completion, as they are framed. */
async function rawChunks(body: object): Promise<Buffer[]> {
  const payload = JSON.stringify(body);
  const socket = connect(pod.port, "127.0.0.1");
  socket.write(
    `POST /v1/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(payload)}\r\n\r\n${payload}`,
  );
  const parts: Buffer[] = [];
  socket.on("data", (part: Buffer) => parts.push(part));
  await once(socket, "close");
  const whole = Buffer.concat(parts);
  const chunks: Buffer[] = [];
  let at = whole.indexOf("\r\n\r\n") + 4;
  for (;;) {
    const line = whole.indexOf("\r\n", at);
    const length = Number.parseInt(whole.toString("latin1", at, line), 16);
    if (!(length > 0)) return chunks;
    chunks.push(whole.subarray(line + 2, line + 2 + length));
    at = line + 2 + length + 2;
  }
}
