/** A router in a container, built from a folder and from an image, in front of pods of this machine. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { request } from "undici";
import { afterAll, expect, it, onTestFinished } from "vitest";
import { RealClock } from "../../fixtures/clock.ts";
import { runCases } from "../runner/run-cases.ts";
import { smoke } from "../smoke.ts";
import { openAdapter } from "./open-adapter.ts";
import type { HttpRouter, PodAddress } from "./router-under-test.ts";

const folder = mkdtempSync(join(tmpdir(), "routeproof-container-"));
cpSync(new URL("test-router.ts", import.meta.url).pathname, join(folder, "test-router.ts"));
writeFileSync(
  join(folder, "Dockerfile"),
  'FROM node:24-slim\nCOPY test-router.ts /\nUSER node\nENTRYPOINT ["node", "/test-router.ts", "--host", "0.0.0.0"]\n',
);
afterAll(() => rmSync(folder, { recursive: true }));

const base = {
  name: "Test router",
  kind: "container",
  build: { context: "." },
  args: ["--port", "{{port}}", "--pods", "{{pods.urls|,}}"],
  url: "http://127.0.0.1:{{port}}",
  ready: { url: "{{url}}/healthz" },
  // As process 1 it would ignore SIGTERM.
  stop: { signal: "SIGKILL" },
};
const httpPods = {
  channel: "http",
  add: { method: "POST", url: "{{url}}/pods", body: { url: "{{pod.url}}" }, capture: { id: "/worker/id" } },
  remove: { method: "DELETE", url: "{{url}}/pods/{{pod.id}}" },
};
const filePods = {
  channel: "file",
  path: "{{tmp}}/pods.json",
  template: { urls: "{{pods.urls}}" },
  signal: "SIGHUP",
};

function adapterFile(content: object): string {
  const path = join(folder, "adapter.json");
  writeFileSync(path, JSON.stringify(content));
  return path;
}

const pod = (name: string): PodAddress => ({ name, url: `http://${name}:9000`, models: ["m"] });

async function start(content: object): Promise<HttpRouter> {
  const adapter = await openAdapter(adapterFile(content));
  const router = await adapter.start({ pods: [pod("a"), pod("b")], seed: 1, clock: new RealClock() });
  onTestFinished(() => router.close());
  if (router.kind !== "http") throw new Error("expected HTTP");
  return router;
}

async function listed(router: { readonly url: string }): Promise<string[]> {
  const { body } = await request(`${router.url}/pods`);
  return Object.values(((await body.json()) as { pods: Record<string, string> }).pods);
}

it("passes on to pods of this machine, and takes pods that come and go", async () => {
  const adapter = await openAdapter(
    adapterFile({ ...base, args: ["--port", "{{port}}"], startsEmpty: true, pods: httpPods }),
  );
  expect(await smoke(adapter, 1)).toEqual([
    { name: "starts and says that it is ready" },
    { name: "passes a request on to a pod" },
    { name: "takes a pod more" },
    { name: "lets it go again" },
    { name: "stops" },
  ]);
  const { cases, footer } = await runCases({ adapter, only: "POD-01,POD-02,STR-02,SEC-01" });
  const judged = cases.filter(({ verdict }) => verdict !== "skipped").map(({ id, verdict }) => [id, verdict]);
  expect(judged).toEqual([
    ["POD-01", "pass"],
    ["POD-02", "pass"],
    ["STR-02", "pass"],
    ["SEC-01", "pass"],
  ]);
  expect(footer.exitCode).toBe(0);
});

it("gives the container its file of pods and its signal", async () => {
  const router = await start({ ...base, args: ["--port", "{{port}}", "--file", "{{tmp}}/pods.json"], pods: filePods });
  expect(await listed(router)).toEqual(["http://a:9000", "http://b:9000"]);
  await router.setPods?.([pod("c")]);
  await expect.poll(() => listed(router)).toEqual(["http://c:9000"]);
});

it("reaches a router whose port inside is fixed, and one in the network of this machine", async () => {
  const fixed = await start({
    ...base,
    args: ["--port", "8080", "--pods", "{{pods.hostports|,}}"],
    ports: { port: 8080 },
  });
  expect(await listed(fixed)).toEqual(["a:9000", "b:9000"]);
  const shared = await start({ ...base, network: "host" });
  expect(await listed(shared)).toEqual(["http://a:9000", "http://b:9000"]);
});

it("says what the router said last when it ends, and what the engine says when it cannot start", async () => {
  await expect(start({ ...base, args: ["--fail", "no such policy: prefix"] })).rejects.toThrow(
    /Test router ended with exit code 3; its last lines:\n {4}no such policy: prefix/,
  );
  await expect(start({ ...base, build: undefined, image: "routeproof/no-such-image:1" })).rejects.toMatchObject({
    code: "ADAPTER_FAILED",
    message: expect.stringContaining("image routeproof/no-such-image:1: "),
  });
  await expect(start({ ...base, build: { context: "nowhere" } })).rejects.toThrow(/building .* from nowhere: /);
  const deaf = { args: ["--port", "{{port}}", "--host", "127.0.0.1"], ready: { ...base.ready, maxMs: 500 } };
  await expect(start({ ...base, ...deaf })).rejects.toThrow(/must listen on 0\.0\.0\.0, not on 127\.0\.0\.1/);
  const router = await start({ ...base, args: ["--port", "{{port}}", "--fragile"] });
  await request(`${router.url}/v1/completions`).catch(() => undefined);
  await expect.poll(() => router.died?.()).toMatch(/ended with exit code 101.*panic: index out of range/s);
  expect(router.logs?.()).toContain("panic: index out of range");
});

it("leaves no container behind", async () => {
  const { getContainerRuntimeClient } = await import("testcontainers");
  const engine = await getContainerRuntimeClient();
  const ours = (await engine.container.list()).filter(({ Image }) => Image.startsWith("routeproof/test-router"));
  expect(ours).toEqual([]);
});
