import { request } from "undici";
import { expect, it } from "vitest";
import { RealClock, VirtualClock } from "../../fixtures/clock.ts";
import { cl100k } from "../../fixtures/tokenizer/cl100k.ts";
import { createFunctionRouter } from "../core/function-router.ts";
import { startRouter, type RouterOptions } from "./start-router.ts";
import { completion, ok, startTestPod, type TestPod } from "./test-pod.ts";
import { scene, until, type Scene } from "./test-scene.ts";

type Pair = Scene & { readonly pods: readonly [TestPod, TestPod] };

async function pair(options: Partial<RouterOptions> = {}): Promise<Pair> {
  return (await scene(2, options)) as Pair;
}

it("serves from another pod when the chosen one refuses the connection, and decides anew without it", async () => {
  await using s = await pair({ probeMs: 60_000 });
  await s.pods[0].crash();
  const response = await s.post();
  await response.body.dump();
  expect(response.statusCode).toBe(200);
  expect(response.headers["x-routeproof-pod"]).toBe(s.pods[1].name);
  expect(s.ledger.outcomes).toEqual(["error", "ok"]);
  expect(s.ledger.open.size).toBe(0);
});

it("takes a pod that refuses connections out at once, so that no further request finds it (dynamo #1424, row 170)", async () => {
  await using s = await pair({ probeMs: 60_000 });
  await s.pods[0].crash();
  for (let count = 0; count < 40; count++) expect(await s.status()).toBe(200);
  expect(s.ledger.outcomes.filter((outcome) => outcome === "error")).toHaveLength(1);
});

it("lets a crashed pod back when it answers again, as a pod that holds nothing (smg #1039, row 129)", async () => {
  await using s = await pair();
  await s.pods[0].crash();
  await until(() => s.ledger.pods.length === 1);
  await s.pods[0].restart();
  await until(() => s.ledger.pods.length === 2);
  expect(await s.status()).toBe(200);
  expect(s.pods[0].seen).toHaveLength(1);
  // Gone from the set in between: that is what makes the decision forget it.
  expect(s.ledger.history).toContainEqual([s.pods[1].name]);
});

it("notices that an idle pod is gone by the connections it drops, long before the next probe", async () => {
  await using s = await pair({ probeMs: 600_000 });
  await s.status();
  await s.pods[0].crash();
  await until(() => s.ledger.pods.length === 1);
  expect(s.ledger.pods.map(({ name }) => name)).toEqual([s.pods[1].name]);
});

it("keeps a pod that is too busy to answer probes but goes on answering requests, and only as long as it does", async () => {
  await using s = await pair({ probeMs: 20, probeTimeoutMs: 500 });
  let stop = (): void => {};
  s.pods[0].answer = (_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    const timer = setInterval(() => response.write("data: 1\n\n"), 5);
    stop = () => clearInterval(timer);
  };
  const { body } = await s.post(completion("hi", { stream: true }));
  s.pods[0].health = "silent";
  const unanswered = s.pods[0].healthChecks + 4;
  for await (const _ of body) if (s.pods[0].healthChecks >= unanswered) break;
  expect(s.ledger.pods).toHaveLength(2);
  stop();
  await until(() => s.ledger.pods.length === 1);
});

it("takes a pod out whose health check fails by status (sglang #12631, row 138)", async () => {
  await using s = await pair();
  s.pods[0].health = 500;
  await until(() => s.ledger.pods.length === 1);
  expect(await s.status()).toBe(200);
  expect(s.pods[0].seen).toHaveLength(0);
});

it("retries a 503 on another pod once, and not on the one that gave it (smg, row 155)", async () => {
  await using s = await pair();
  s.pods[0].answer = (_, response) => void response.writeHead(503).end("busy");
  const response = await s.post();
  expect(await response.body.text()).toContain("cmpl");
  expect(s.pods.map(({ seen }) => seen.length)).toEqual([1, 1]);
  expect(s.ledger.outcomes).toEqual(["error", "ok"]);
});

it("passes a 503 on when every pod gives one", async () => {
  await using s = await pair();
  for (const pod of s.pods) pod.answer = (_, response) => void response.writeHead(503).end(`busy ${pod.name}`);
  const response = await s.post();
  expect(response.statusCode).toBe(503);
  expect(await response.body.text()).toBe(`busy ${s.pods[1].name}`);
  expect(response.headers["x-routeproof-pod"]).toBe(s.pods[1].name);
  expect(s.pods.map(({ seen }) => seen.length)).toEqual([1, 1]);
});

it("keeps retries within their budget when everything fails", async () => {
  await using s = await pair({ clock: new VirtualClock(), breakerFailures: 1_000_000 });
  for (const pod of s.pods) pod.answer = (_, response) => void response.writeHead(503).end();
  for (let count = 0; count < 200; count++) await s.status();
  // A fifth of the traffic and, time standing still, one second's ten; earning 0.2 at a time rounds down.
  const attempts = s.pods[0].seen.length + s.pods[1].seen.length;
  expect(attempts).toBeGreaterThanOrEqual(200 + 40 + 9);
  expect(attempts).toBeLessThanOrEqual(200 + 40 + 10);
});

it("never retries a request after its first byte, and ends it so that the client notices", async () => {
  await using s = await pair();
  s.pods[0].answer = (_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("data: 1\n\n", () => response.destroy());
  };
  const { body } = await s.post(completion("hi", { stream: true }));
  let got = "";
  await expect(
    (async () => {
      for await (const chunk of body) got += String(chunk);
    })(),
  ).rejects.toThrow(/terminated|closed|socket/i);
  expect(got).toBe("data: 1\n\n");
  expect(s.pods.map(({ seen }) => seen.length)).toEqual([1, 0]);
  expect(s.ledger.outcomes).toEqual(["error"]);
});

it("answers 502 when the only pod left breaks off before it answers", async () => {
  await using s = await pair();
  for (const pod of s.pods) pod.answer = (_, response) => void response.destroy();
  const response = await s.post();
  expect(response.statusCode).toBe(502);
  expect(await response.body.json()).toMatchObject({ error: { type: "Bad Gateway", code: 502 } });
  expect(s.ledger.open.size).toBe(0);
});

it("answers 504 when a pod stays silent, aborts its request, and does not try another (production-stack #749, row 158)", async () => {
  await using s = await pair({ firstByteMs: 100 });
  s.pods[0].answer = () => {};
  const response = await s.post();
  expect(response.statusCode).toBe(504);
  expect(await response.body.json()).toMatchObject({ error: { type: "Gateway Timeout", code: 504 } });
  await s.pods[0].seen[0]?.disconnected;
  expect(s.pods[1].seen).toHaveLength(0);
  expect(s.ledger.outcomes).toEqual(["error"]);
});

it("breaks a stream off that falls silent in the middle", async () => {
  await using s = await pair({ idleMs: 100 });
  s.pods[0].answer = (_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("data: 1\n\n");
  };
  const { body } = await s.post(completion("hi", { stream: true }));
  await expect(body.text()).rejects.toThrow(/terminated|closed|socket/i);
  await s.pods[0].seen[0]?.disconnected;
  expect(s.ledger.outcomes).toEqual(["error"]);
});

it("opens no breaker for a hundred client errors (sglang #25811, row 151)", async () => {
  await using s = await pair();
  s.pods[0].answer = (_, response) => void response.writeHead(400).end();
  for (let count = 0; count < 100; count++) await s.status();
  s.pods[0].answer = ok;
  expect(await s.status()).toBe(200);
  expect(s.pods[0].seen).toHaveLength(101);
});

it("rests a pod whose health check passes while its work fails, and lets it back by trial (vllm #11996, row 139)", async () => {
  const clock = new RealClock();
  await using s = await pair({ clock, breakerFailures: 3, breakerOpenMs: 600_000, probeMs: 60_000 });
  s.pods[0].answer = (_, response) => void response.writeHead(500).end();
  for (let count = 0; count < 3; count++) expect(await s.status()).toBe(500);
  expect((await s.podStates())[0]).toMatchObject({ state: "breaker-open" });
  for (let count = 0; count < 5; count++) expect(await s.status()).toBe(200);
  expect(s.pods[0].seen).toHaveLength(3);
  s.pods[0].answer = ok;
  clock.advance(600_000);
  expect(await s.status()).toBe(200);
  expect(s.pods[0].seen).toHaveLength(4);
  expect((await s.podStates())[0]).toMatchObject({ state: "healthy" });
  // It never left the set: a rest does not cost a pod what it holds.
  expect(s.ledger.history.at(-1)).toHaveLength(2);
});

it("still opens when client errors come between the failures (smg #2565, row 152)", async () => {
  await using s = await pair({ breakerFailures: 3, breakerOpenMs: 60_000, probeMs: 60_000 });
  let status = 400;
  s.pods[0].answer = (_, response) => void response.writeHead((status = status === 400 ? 500 : 400)).end();
  for (let count = 0; count < 6; count++) await s.status();
  expect((await s.podStates())[0]).toMatchObject({ state: "breaker-open" });
});

it("tries anyway when every breaker is open, instead of refusing everybody", async () => {
  await using s = await pair({ breakerFailures: 1, breakerOpenMs: 60_000, probeMs: 60_000 });
  for (const pod of s.pods) pod.answer = (_, response) => void response.writeHead(500).end();
  for (let count = 0; count < 3; count++) expect(await s.status()).toBe(500);
  for (const pod of s.pods) pod.answer = ok;
  expect(await s.status()).toBe(200);
});

it("leaves nothing in flight after aborts, cuts, errors and ends in any mixture (rows 42 to 68)", async () => {
  await using s = await pair({ breakerFailures: 1_000_000 });
  let turn = 0;
  for (const pod of s.pods) {
    pod.answer = (seen, response) => {
      const way = turn++ % 5;
      if (way === 0) return ok(seen, response);
      if (way === 1) return void response.writeHead(500).end();
      if (way === 2) return void response.destroy();
      response.writeHead(200, { "content-type": "text/event-stream" });
      // An end without [DONE], and a cut after the first event.
      response.write("data: 1\n\n", () => void (way === 3 ? response.end() : response.destroy()));
    };
  }
  await Promise.all(
    Array.from({ length: 200 }, async (_, index) => {
      const signal = index % 4 === 0 ? AbortSignal.timeout(index % 20) : undefined;
      try {
        const asked = completion(`p${index}`, { stream: true });
        const { body } = await s.post(asked, signal === undefined ? {} : { signal });
        await body.dump();
      } catch {
        // Aborted or cut, as meant.
      }
    }),
  );
  await until(() => s.ledger.open.size === 0);
  expect((await s.podStates()).map(({ inFlight }) => inFlight)).toEqual([0, 0]);
});

it("is not held up by a pod that never answers its probes while another is removed (production-stack #668, row 126)", async () => {
  await using s = await pair();
  await using slow = await startTestPod();
  slow.health = "silent";
  const added = s.router.setPods([slow, ...s.pods].map(({ url }) => ({ url })));
  const removed = s.router.setPods([slow, s.pods[1]].map(({ url }) => ({ url })));
  expect(s.ledger.pods.map(({ name }) => name)).toEqual([s.pods[1].name]);
  expect(await s.status()).toBe(200);
  await Promise.all([added, removed]);
});

it("routes by the KV usage that metrics pages tell, under its new and its old name, and takes none for unknown", async () => {
  const three = [await startTestPod(), await startTestPod(), await startTestPod()] as const;
  three[0].metrics = 'vllm:kv_cache_usage_perc{engine="0",model_name="m"} 0.9\n';
  three[1].metrics = 'vllm:gpu_cache_usage_perc{model_name="m"} 0.2\n';
  three[2].metrics = 'vllm:kv_cache_usage_perc{engine="0",model_name="m"} NaN\n';
  const router = await startRouter({
    router: (lookAtPod) => createFunctionRouter({ strategy: "least-kv-cache", seed: 1, tokenizer: cl100k, lookAtPod }),
    readMetrics: true,
    pods: three.map(({ url }) => ({ url })),
  });
  for (let count = 0; count < 10; count++) {
    const { body } = await request(`${router.url}/v1/completions`, {
      method: "POST",
      body: completion("hi"),
    });
    await body.dump();
  }
  expect(three.map(({ seen }) => seen.length)).toEqual([0, 10, 0]);
  await router.close();
  for (const pod of three) await pod[Symbol.asyncDispose]();
});

it("answers 500 when the decision has a defect, and lives on", async () => {
  await using s = await pair();
  const decide = s.ledger.decide.bind(s.ledger);
  s.ledger.decide = () => {
    throw new Error("planted");
  };
  const response = await s.post();
  expect(response.statusCode).toBe(500);
  expect(await response.body.json()).toMatchObject({ error: { type: "InternalServerError" } });
  s.ledger.decide = decide;
  expect(await s.status()).toBe(200);
});
