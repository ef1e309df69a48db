import { once } from "node:events";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { request } from "undici";
import { expect, it, onTestFinished } from "vitest";
import { RealClock } from "../../fixtures/clock.ts";
import { runCases } from "../runner/run-cases.ts";
import { openAdapter } from "./open-adapter.ts";
import type { HttpRouter, PodAddress } from "./router-under-test.ts";

const ROUTER = new URL("test-router.ts", import.meta.url).pathname;
const run = [process.execPath, ROUTER, "--port", "{{port}}"];
const base = {
  name: "test-router",
  kind: "command",
  command: [...run, "--pods", "{{pods.urls|,}}"],
  url: "http://127.0.0.1:{{port}}",
  ready: { url: "{{url}}/healthz" },
};
const httpPods = {
  channel: "http",
  add: {
    method: "POST",
    url: "{{url}}/pods",
    body: { url: "{{pod.url}}" },
    status: [202],
    capture: { id: "/worker/id" },
  },
  remove: { method: "DELETE", url: "{{url}}/pods/{{pod.id}}", status: [200] },
  settled: {
    add: { url: "{{url}}/pods/{{pod.id}}", pointer: "/healthy", equals: true },
    remove: { url: "{{url}}/pods/{{pod.id}}", status: [404] },
  },
};

function adapterFile(content: object): string {
  const path = join(mkdtempSync(join(tmpdir(), "routeproof-adapter-")), "adapter.json");
  writeFileSync(path, JSON.stringify(content));
  return path;
}

const pod = (port: number): PodAddress => ({ name: `pod-${port}`, url: `http://127.0.0.1:${port}`, models: ["m"] });

async function start(content: object, pods = [pod(9001), pod(9002)]): Promise<HttpRouter> {
  const adapter = await openAdapter(adapterFile(content));
  const router = await adapter.start({ pods, seed: 1, clock: new RealClock() });
  onTestFinished(() => router.close());
  if (router.kind !== "http") throw new Error("expected HTTP");
  return router;
}

async function listed(router: { readonly url: string }): Promise<string[]> {
  const { body } = await request(`${router.url}/pods`);
  return Object.values(((await body.json()) as { pods: Record<string, string> }).pods);
}

it("starts a program on a port it found, and stops it", async () => {
  const router = await start(base);
  expect(await listed(router)).toEqual(["http://127.0.0.1:9001", "http://127.0.0.1:9002"]);
  expect(router.setPods).toBeUndefined();
  await router.close();
  await expect(request(`${router.url}/healthz`)).rejects.toThrow("ECONNREFUSED");
});

it("adds and removes pods by calls, with what the calls told", async () => {
  const router = await start({ ...base, command: run, startsEmpty: true, pods: httpPods });
  expect(await listed(router)).toEqual(["http://127.0.0.1:9001", "http://127.0.0.1:9002"]);
  await router.setPods?.([pod(9002), pod(9003)]);
  expect(await listed(router)).toEqual(["http://127.0.0.1:9002", "http://127.0.0.1:9003"]);
});

it("waits for a router that is not ready until it has pods", async () => {
  const ready = { url: "{{url}}/readyz", maxMs: 10_000 };
  const router = await start({ ...base, command: run, startsEmpty: true, ready, pods: httpPods });
  const { statusCode } = await request(`${router.url}/readyz`);
  expect(statusCode).toBe(200);
});

it("tells where pods publish KV events and replay them, all at once and pod by pod", async () => {
  const publishing = (port: number): PodAddress => ({
    ...pod(port),
    kvEvents: { endpoint: `tcp://127.0.0.1:${port + 1}`, replayEndpoint: `tcp://127.0.0.1:${port + 2}` },
  });
  const told = { ...base, command: [...run, "--pods", "{{pods.kvEvents|,}},{{pods.kvReplays|,}}"] };
  const atStart = await start(told, [publishing(9001), publishing(9011)]);
  expect(await listed(atStart)).toEqual([9002, 9012, 9003, 9013].map((port) => `tcp://127.0.0.1:${port}`));
  const body = { url: "{{pod.kvEvents}} {{pod.kvReplay}}" };
  const byCall = { ...base, command: run, startsEmpty: true, pods: { ...httpPods, add: { ...httpPods.add, body } } };
  expect(await listed(await start(byCall, [publishing(9001)]))).toEqual(["tcp://127.0.0.1:9002 tcp://127.0.0.1:9003"]);
  expect((await openAdapter(adapterFile(told))).kvEvents).toEqual({ replay: true });
  expect((await openAdapter(adapterFile(base))).kvEvents).toBeUndefined();
});

it("adds and removes pods by a file and a signal", async () => {
  const router = await start({
    ...base,
    command: [...run, "--file", "{{tmp}}/pods.json"],
    pods: {
      channel: "file",
      path: "{{tmp}}/pods.json",
      template: { urls: "{{pods.urls}}" },
      signal: "SIGHUP",
      settled: { url: "{{url}}/pods", pointer: "/pods/worker-4", equals: "http://127.0.0.1:9009" },
    },
  });
  expect(await listed(router)).toHaveLength(2);
  await router.setPods?.([pod(9007), pod(9008), pod(9009)]);
  expect(await listed(router)).toEqual(["http://127.0.0.1:9007", "http://127.0.0.1:9008", "http://127.0.0.1:9009"]);
});

it("starts the program with the threshold of the profile that was given, and says when there is none", async () => {
  const file = adapterFile({ ...base, command: [...run, "--pods", "{{threshold}}"] });
  const threshold = { value: 0.75, comparison: ">" } as const;
  const router = await (await openAdapter(file, { threshold })).start({ pods: [], seed: 1, clock: new RealClock() });
  onTestFinished(() => router.close());
  expect(await listed(router as HttpRouter)).toEqual(["0.75"]);
  const without = await openAdapter(file);
  await expect(without.start({ pods: [], seed: 1, clock: new RealClock() })).rejects.toThrow(
    'which names none; give it a "threshold"',
  );
});

it("restarts the program where that is the only way to change pods", async () => {
  const router = await start({ ...base, pods: { channel: "restart" } });
  await router.setPods?.([pod(9005)]);
  expect(await listed(router)).toEqual(["http://127.0.0.1:9005"]);
});

it("does not wait for a router to call itself ready when it is restarted without any pod", async () => {
  const ready = { url: "{{url}}/readyz", maxMs: 5000 };
  const router = await start({ ...base, ready, pods: { channel: "restart" } });
  await router.setPods?.([]);
  expect((await request(`${router.url}/readyz`)).statusCode).toBe(503);
  await router.setPods?.([pod(9006)]);
  expect(await listed(router)).toEqual(["http://127.0.0.1:9006"]);
});

it("says what the program said last when it does not start", async () => {
  const dying = start({ ...base, command: [...run, "--fail", "no such policy: prefix"] });
  await expect(dying).rejects.toThrow(
    /test-router ended with exit code 3; its last lines:\n {4}no such policy: prefix/,
  );
  await expect(start({ ...base, command: ["/no/such/router"] })).rejects.toMatchObject({
    code: "ADAPTER_FAILED",
    message: expect.stringContaining("cannot run /no/such/router: no such program"),
  });
  const silent = start({ ...base, ready: { url: "{{url}}/never", maxMs: 200 } });
  await expect(silent).rejects.toThrow(/GET http.*\/never did not become status 200 within 200 ms/);
});

it("chooses ports anew when one was lost before the program could bind it", async () => {
  const blocker = createServer().listen(0, "127.0.0.1");
  await once(blocker, "listening");
  onTestFinished(() => void blocker.close());
  const { port } = blocker.address() as { port: number };
  // The first start gets the blocked port, later ones the port that was found.
  const flag = join(mkdtempSync(join(tmpdir(), "routeproof-")), "started");
  const script = `const fs = require("fs"); const first = !fs.existsSync(${JSON.stringify(flag)}); fs.writeFileSync(${JSON.stringify(flag)}, "");
    require("http").createServer((q, s) => s.end("{}")).listen(first ? ${port} : Number(process.argv[1]), "127.0.0.1")`;
  const router = await start({ ...base, command: [process.execPath, "-e", script, "{{port}}"] });
  expect((await request(`${router.url}/healthz`)).statusCode).toBe(200);
});

it("stops the children of the program as well", async () => {
  const router = await start({ ...base, command: [...run, "--child"], stop: { signal: "SIGKILL" } });
  const adapter = await openAdapter(adapterFile({ ...base, command: [...run, "--child", "--fragile"] }));
  const fragile = await adapter.start({ pods: [], seed: 1, clock: new RealClock() });
  onTestFinished(() => fragile.close());
  if (fragile.kind !== "http") throw new Error("expected HTTP");
  await request(`${fragile.url}/v1/completions`).catch(() => undefined);
  await expect.poll(() => fragile.died?.()).toMatch(/ended with exit code 101.*panic: index out of range/s);
  const child = Number(/child (\d+)/.exec(fragile.died?.() ?? "")?.[1]);
  expect(isRunning(child)).toBe(true);
  await Promise.all([router.close(), fragile.close()]);
  await expect.poll(() => isRunning(child)).toBe(false);
});

it("asks the program for its version", async () => {
  const file = { ...base, versionCommand: [process.execPath, ROUTER, "--version"] };
  expect((await openAdapter(adapterFile(file))).version).toBe("test-router 4.5.6");
});

it("ends as a missing requirement, never as a failure of the router, when a program it needs is not there", async () => {
  const file = { ...base, requires: [{ command: ["/no/such/envoy", "--version"], why: "routes by ext_proc" }] };
  await expect(openAdapter(adapterFile(file))).rejects.toMatchObject({
    code: "REQUIREMENT_MISSING",
    message: "the adapter requires /no/such/envoy --version: no such program (routes by ext_proc)",
  });
});

/** A zombie that nobody reaps runs no more. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

it("ends the wait for a router that is not ready when the run is interrupted, and stops its program", async () => {
  const ready = { url: "{{url}}/never", maxMs: 100_000 };
  const interrupt = new AbortController();
  const adapter = await openAdapter(adapterFile({ ...base, ready }));
  const report = runCases({ adapter, only: "STR", signal: interrupt.signal });
  interrupt.abort();
  const { cases, footer } = await report;
  expect(new Set(cases.filter(({ id }) => id.startsWith("STR")).map(({ reason }) => reason))).toEqual(
    new Set(["interrupted"]),
  );
  expect(footer).toMatchObject({ verdict: "inconclusive", exitCode: 2 });
});
