import { createServer } from "node:net";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { request } from "undici";
import { expect, it } from "vitest";
import { startFleet } from "./fleet.ts";

it("starts mixed cards, each on its own port, under a name that tells its card", async () => {
  await using fleet = await startFleet({ pods: "a6000:2,v100:1" });
  expect(fleet.pods.map(({ name, profile }) => [name, profile])).toEqual([
    ["a6000-0", "a6000-monotone"],
    ["a6000-1", "a6000-monotone"],
    ["v100-2", "v100-monotone"],
  ]);
  for (const pod of fleet.pods) {
    const { headers, body } = await request(`${pod.url}/nope`);
    await body.dump();
    expect(headers["x-inference-pod"]).toBe(pod.name);
  }
  expect(fleet.pod(1).stats().totalBlocks).toBe(12_734);
  expect(() => fleet.pod("h100-9")).toThrow(/no pod "h100-9".*a6000-0, a6000-1, v100-2/);
});

it("adds and removes pods while others live, and never gives a name twice", async () => {
  await using fleet = await startFleet({ pods: "a6000:2" });
  const { url } = fleet.pod("a6000-0");
  await request(`${url}/nope`).then(({ body }) => body.dump());
  await fleet.remove("a6000-0");
  await expect(request(`${url}/nope`)).rejects.toThrow(/ECONNREFUSED/);
  const added = await fleet.add({ profile: "v100" });
  expect(fleet.pods.map(({ name }) => name)).toEqual(["a6000-1", "v100-2"]);
  expect((await request(`${added.url}/nope`)).statusCode).toBe(404);
  expect(fleet.journal().map(({ pod }) => pod)).toEqual(["a6000-0", "v100-2"]);
});

it("refuses a port in use in one line, and leaves no pod behind", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const { port } = taken.address() as AddressInfo;
  await expect(startFleet({ pods: "a6000:2", basePort: port })).rejects.toMatchObject({
    code: "PORT_IN_USE",
    message: expect.stringContaining(String(port)),
  });
  await expect(request(`http://127.0.0.1:${port + 1}/nope`)).rejects.toThrow(/ECONNREFUSED/);
  taken.close();
});

it.each([
  ["h100:2", "UNKNOWN_PROFILE", /"h100".*a6000/],
  ["a6000=2", "USAGE", /a6000:4,v100:2/],
  ["a6000:0", "USAGE", /whole number from 1/],
  ["", "USAGE", /a6000:4,v100:2/],
])("refuses the fleet %j with one clear line", async (pods, code, message) => {
  await expect(startFleet({ pods })).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
});

it("refuses a flag's impossible value, naming the flag", async () => {
  await expect(startFleet({ pods: "a6000:1", flags: { "max-num-seqs": "many" } })).rejects.toMatchObject({
    code: "USAGE",
    message: 'max-num-seqs "many"; give a whole number from 1',
  });
});

it("lets hooks answer, the one added last first, and journals how it ended", async () => {
  await using fleet = await startFleet({ pods: "a6000:1" });
  const pod = fleet.pod(0);
  pod.intercept((_entry, _request, response) => {
    response.writeHead(503).end("first");
    return true;
  });
  const remove = pod.intercept(async (entry, _request, response) => {
    if (entry.path !== "/second") return false;
    response.writeHead(418).end(entry.body);
    return true;
  });
  const sent = { method: "POST", headers: { "x-request-id": "mine", "X-Odd": "1" }, body: "hello" } as const;
  const second = await request(`${pod.url}/second`, sent);
  expect([second.statusCode, await second.body.text()]).toEqual([418, "hello"]);
  remove();
  const first = await request(`${pod.url}/second`, sent);
  expect([first.statusCode, await first.body.text()]).toEqual([503, "first"]);
  await expect.poll(() => pod.journal().map(({ ended }) => ended?.how)).toEqual(["finished", "finished"]);
  const [entry] = pod.journal();
  expect(entry).toMatchObject({ pod: "a6000-0", requestId: "mine", method: "POST", path: "/second", status: 418 });
  expect(entry?.headers).toContainEqual(["X-Odd", "1"]);
  expect(Buffer.from(entry?.body ?? []).toString()).toBe("hello");
});

it("tells a client that left from a hook that broke the connection", async () => {
  await using fleet = await startFleet({ pods: "a6000:1" });
  const pod = fleet.pod(0);
  pod.intercept((entry, { socket }, response) => {
    if (entry.path === "/reset") socket.resetAndDestroy();
    else response.writeHead(200).write("some");
    return true;
  });
  await expect(request(`${pod.url}/reset`)).rejects.toThrow(/socket|reset/i);
  const { body } = await request(`${pod.url}/hang`);
  body.on("error", () => undefined);
  body.destroy();
  await expect.poll(() => pod.journal().map(({ ended }) => ended?.how)).toEqual(["failed", "disconnected"]);
});

it("crashes and comes back on the same port, cold, with its journal kept", async () => {
  await using fleet = await startFleet({ pods: "a6000:1" });
  const pod = fleet.pod(0);
  const { port } = pod;
  pod.intercept(() => true);
  const hanging = request(`${pod.url}/hang`, { method: "POST", body: "x" });
  hanging.catch(() => undefined);
  await expect.poll(() => pod.journal().length).toBe(1);
  await pod.crash();
  await expect(hanging).rejects.toThrow(/socket|reset/i);
  await expect(request(pod.url)).rejects.toThrow(/ECONNREFUSED/);
  expect(pod.journal()[0]?.ended?.how).toBe("failed");
  await pod.start();
  expect(pod.port).toBe(port);
  expect(pod.stats()).toMatchObject({ running: 0, prefixQueriesTokens: 0 });
});

it("closes twice without complaint", async () => {
  const fleet = await startFleet({ pods: "a6000:1" });
  await fleet.close();
  await expect(fleet.close()).resolves.toBeUndefined();
});

it("says when the machine was too slow for its times to mean anything", async () => {
  await using fleet = await startFleet({ pods: "a6000:1", speed: 50 });
  const pod = fleet.pod(0);
  expect(fleet.lateness()).toEqual({ steps: 0, p99Ms: 0, maxMs: 0, valid: true });
  const body = JSON.stringify({ model: pod.model, prompt: "x", max_tokens: 400, ignore_eos: true, stream: true });
  const headers = { "content-type": "application/json" };
  const response = await request(`${pod.url}/v1/completions`, { method: "POST", headers, body });
  // Nobody else gets the processor for as long as 60 ms, in which steps fall due.
  const untilMs = performance.now() + 60;
  while (performance.now() < untilMs);
  await response.body.dump();
  const { valid, maxMs } = fleet.lateness();
  expect(maxMs).toBeGreaterThan(25);
  expect(valid).toBe(false);
  const page = await request(`${pod.url}/metrics`).then((answer) => answer.body.text());
  expect(page).toContain("mock:late_seconds_count");
});
