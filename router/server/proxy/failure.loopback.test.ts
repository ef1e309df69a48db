import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { request } from "undici";
import { expect, it } from "vitest";
import { RealClock, VirtualClock } from "../../../fixtures/clock.ts";
import { cl100k } from "../../../fixtures/tokenizer/cl100k.ts";
import { createFunctionRouter } from "../../core/function-router.ts";
import { startRouter, type RouterOptions } from "../start-router.ts";
import { completion, ok, startTestPod, type TestPod } from "../test-pod.ts";
import { scene, until, type Scene } from "../test-scene.ts";

type Pair = Scene & { readonly pods: readonly [TestPod, TestPod] };

async function pair(options: Partial<RouterOptions> = {}): Promise<Pair> {
  return (await scene(2, options)) as Pair;
}

it("serves from another pod when the chosen one refuses the connection, and decides anew without it (RETRY-02)", async () => {
  await using s = await pair({ probeMs: 60_000 });
  await s.pods[0].crash();
  const response = await s.post();
  await response.body.dump();
  expect(response.statusCode).toBe(200);
  expect(response.headers["x-routeproof-pod"]).toBe(s.pods[1].name);
  expect(s.ledger.outcomes).toEqual(["error", "ok"]);
  expect(s.ledger.open.size).toBe(0);
});

it("takes a pod that refuses connections out at once, so that no further request finds it (MEMB-01, MEMB-02, RETRY-02: dyn #1424; ps #1008)", async () => {
  await using s = await pair({ probeMs: 60_000 });
  await s.pods[0].crash();
  for (let count = 0; count < 40; count++) expect(await s.status()).toBe(200);
  expect(s.ledger.outcomes.filter((outcome) => outcome === "error")).toHaveLength(1);
});

it("lets a crashed pod back when it answers again, as a pod that holds nothing (MEMB-04: smg #1039)", async () => {
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

it("notices that an idle pod is gone by the connections it drops, long before the next probe (MEMB-02: ps #1008; smg #1531)", async () => {
  await using s = await pair({ probeMs: 600_000 });
  await s.status();
  await s.pods[0].crash();
  await until(() => s.ledger.pods.length === 1);
  expect(s.ledger.pods.map(({ name }) => name)).toEqual([s.pods[1].name]);
});

it("asks nothing of a pod because clients leave", async () => {
  await using s = await pair({ probeMs: 600_000 });
  s.pods[0].answer = () => {};
  const { healthChecks, metricsReads } = s.pods[0];
  for (let count = 0; count < 10; count++) {
    const aborter = new AbortController();
    const answer = s.post(completion("hi"), { signal: aborter.signal });
    await s.pods[0].arrivals(count + 1);
    aborter.abort();
    await expect(answer).rejects.toThrow(/abort/i);
    await s.pods[0].seen[count]?.disconnected;
  }
  // A probe that a broken connection asks for comes within 100 ms.
  const abortedMs = performance.now();
  await until(() => performance.now() - abortedMs > 200);
  expect([s.pods[0].healthChecks, s.pods[0].metricsReads]).toEqual([healthChecks, metricsReads]);
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

it("takes a pod out whose health check fails by status (HEALTH-01: sgl #12631)", async () => {
  await using s = await pair();
  s.pods[0].health = 500;
  await until(() => s.ledger.pods.length === 1);
  expect(await s.status()).toBe(200);
  expect(s.pods[0].seen).toHaveLength(0);
});

it("retries a 503 on another pod once, and not on the one that gave it (RETRY-02: smg; kgateway #11116)", async () => {
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

it("never retries a request after its first byte, and ends it so that the client notices (TMO-02, LOAD-05: nvcf #1533; ps #1001)", async () => {
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

it("answers 504 when a pod stays silent, aborts its request, and does not try another (TMO-01: ps #749; sgl #16320)", async () => {
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

it("opens no breaker for a hundred client errors (CB-01: sgl #25811)", async () => {
  await using s = await pair();
  s.pods[0].answer = (_, response) => void response.writeHead(400).end();
  for (let count = 0; count < 100; count++) await s.status();
  s.pods[0].answer = ok;
  expect(await s.status()).toBe(200);
  expect(s.pods[0].seen).toHaveLength(101);
});

it("rests a pod whose health check passes while its work fails, and lets it back by trial (HEALTH-02: vllm #11996)", async () => {
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

it("still opens when client errors come between the failures (CB-02: smg #2565)", async () => {
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

it("leaves nothing in flight after aborts, cuts, errors and ends in any mixture (LOAD-03, LOAD-05, LOAD-06: vr #215, #211; sgl #8972, #15101; ps #1001)", async () => {
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

it("is not held up by a pod that never answers its probes while another is removed (MEMB-03: ps #668)", async () => {
  await using s = await pair();
  await using slow = await startTestPod();
  slow.health = "silent";
  const added = s.router.setPods([slow, ...s.pods].map(({ url }) => ({ url })));
  const removed = s.router.setPods([slow, s.pods[1]].map(({ url }) => ({ url })));
  expect(s.ledger.pods.map(({ name }) => name)).toEqual([s.pods[1].name]);
  expect(await s.status()).toBe(200);
  await Promise.all([added, removed]);
});

it("routes by the KV usage that metrics pages tell, under its new and its old name, and takes none for unknown (FRESH-03, FRESH-07: aib #638, #2153)", async () => {
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

it("waits for no metrics page, and serves a fleet whose every page is silent (LOAD-12, FRESH-01, FRESH-08: gie #2847; aib #2063; ldr #2547)", async () => {
  await using s = await pair({
    router: (lookAtPod) => createFunctionRouter({ strategy: "least-kv-cache", seed: 1, tokenizer: cl100k, lookAtPod }),
    readMetrics: true,
    probeTimeoutMs: 60_000,
  });
  await s.router.setPods([]);
  for (const pod of s.pods) pod.metrics = "silent";
  const joined = s.router.setPods(s.pods.map(({ url }) => ({ url })));
  await until(async () => (await s.podStates()).every(({ state }) => state === "healthy"));
  for (let count = 0; count < 20; count++) expect(await s.status()).toBe(200);
  await joined;
});

it("takes a pod that guards /v1 with a key for well, and passes the client's key on to it (HEALTH-03: smg #1125)", async () => {
  const seen: (string | undefined)[] = [];
  const guarded = createServer((asked, response) => {
    const { authorization } = asked.headers;
    if (asked.url === "/health") return void response.end();
    asked.resume();
    if (authorization !== "Bearer pod-key") return void response.writeHead(401).end();
    seen.push(authorization);
    response.writeHead(200, { "content-type": "application/json" }).end("{}");
  });
  await new Promise<void>((resolve) => guarded.listen(0, "127.0.0.1", resolve));
  await using s = await pair();
  const { port } = guarded.address() as AddressInfo;
  await s.router.setPods([{ url: `http://127.0.0.1:${port}` }]);
  expect(await s.podStates()).toMatchObject([{ state: "healthy", models: null }]);
  const answer = await s.post(completion("hi"), { headers: { authorization: "Bearer pod-key" } });
  expect(answer.statusCode).toBe(200);
  await answer.body.dump();
  expect(await s.status()).toBe(401);
  expect(seen).toEqual(["Bearer pod-key"]);
  await s.router.setPods([]);
  guarded.close();
});

it("goes on probing pods that a new list names again, and settings that change (CFG-01: ps #815)", async () => {
  await using s = await pair();
  const list = s.pods.map(({ url }) => ({ url }));
  await s.router.setPodsOf("static", list);
  s.router.change({ maxRetries: 0 });
  await s.router.setPodsOf("static", list.toReversed());
  s.pods[0].health = 500;
  await until(() => s.ledger.pods.length === 1);
  expect(s.ledger.pods.map(({ name }) => name)).toEqual([s.pods[1].name]);
  s.pods[0].health = 200;
  await until(() => s.ledger.pods.length === 2);
});
