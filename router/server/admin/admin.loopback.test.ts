import { once } from "node:events";
import { connect } from "node:net";
import { Agent, request } from "undici";
import { afterAll, afterEach, beforeEach, expect, it } from "vitest";
import { parsePrometheusText } from "../../../fixtures/wire/prometheus-text.ts";
import { cl100k } from "../../../fixtures/tokenizer/cl100k.ts";
import { createFunctionRouter } from "../../core/function-router.ts";
import { jsonLines } from "../reporting/log.ts";
import { startRouter, type RouterOptions, type RunningRouter } from "../start-router.ts";
import { completion, startTestPod, type TestPod } from "../test-pod.ts";
import { until } from "../test-scene.ts";

const client = new Agent();
afterAll(() => client.destroy());

let pods: [TestPod, TestPod];
let router: RunningRouter;
let lines: string[];

async function start(options: Partial<RouterOptions> = {}): Promise<void> {
  router = await startRouter({
    router: createFunctionRouter({ seed: 1, tokenizer: cl100k }),
    pods: [{ url: pods[0].url, name: "one" }],
    log: jsonLines(
      (text) => void lines.push(...text.trim().split("\n")),
      () => "info",
    ),
    ...options,
  });
}

beforeEach(async () => {
  lines = [];
  pods = [await startTestPod(), await startTestPod()];
});
afterEach(async () => {
  await router.close();
  for (const pod of pods) await pod[Symbol.asyncDispose]();
});

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

async function admin(
  method: "GET" | "POST" | "PUT" | "DELETE",
  path: string,
  body?: unknown,
  token?: string,
): Promise<Answer> {
  const answer = await request(`${router.adminUrl}${path}`, {
    dispatcher: client,
    method,
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  return { status: answer.statusCode, body: (await answer.body.json()) as Record<string, unknown> };
}

async function send(prompt: string, headers: Record<string, string> = {}): Promise<number> {
  const answer = await request(`${router.url}/v1/completions`, {
    dispatcher: client,
    method: "POST",
    headers,
    body: completion(prompt),
  });
  await answer.body.dump();
  return answer.statusCode;
}

const names = async (): Promise<unknown[]> =>
  ((await admin("GET", "/admin/pods")).body["pods"] as { name: string }[]).map(({ name }) => name);

it("adds a pod that serves at once, and says so when it is there already", async () => {
  await start();
  const spec = { url: `${pods[1].url}/`, name: "two", gpu: "a6000" };
  expect(await admin("POST", "/admin/pods", spec)).toMatchObject({
    status: 201,
    body: { name: "two", url: pods[1].url, gpu: "a6000-monotone", state: "healthy", models: ["m"], source: "admin" },
  });
  expect(await admin("POST", "/admin/pods", spec)).toMatchObject({ status: 200 });
  expect(await admin("POST", "/admin/pods", { ...spec, name: "three" })).toMatchObject({ status: 409 });
  expect(await names()).toEqual(["one", "two"]);
});

it("removes a pod by name or by any spelling of its address that would have added it (MEMB-08: smg #2521)", async () => {
  await start();
  for (const spelling of [pods[1].url, `${pods[1].url}/`, `${pods[1].url}/v1`, pods[1].name]) {
    await admin("POST", "/admin/pods", { url: spelling });
    expect(await names()).toContain(pods[1].name);
    expect(await admin("DELETE", `/admin/pods/${encodeURIComponent(spelling)}`)).toMatchObject({ status: 200 });
    expect(await names()).toEqual(["one"]);
  }
  await admin("POST", "/admin/pods", { url: pods[1].url });
  expect(await admin("DELETE", `/admin/pods?url=${encodeURIComponent(pods[1].url)}`)).toMatchObject({ status: 200 });
  expect(await admin("DELETE", "/admin/pods/nobody")).toMatchObject({ status: 404 });
});

it("answers on a loopback data port too, until the admin port has a place of its own", async () => {
  await start();
  const pods = async (): Promise<number> => {
    const answer = await request(`${router.url}/admin/pods`, { dispatcher: client });
    await answer.body.dump();
    return answer.statusCode;
  };
  expect(await pods()).toBe(200);
  const taken = Number(new URL(router.adminUrl).port);
  await router.close();
  await start({ adminPort: taken });
  expect(await pods()).toBe(404);
});

it("swaps one pod for another in one step (MEMB-07: aib #719 at its head)", async () => {
  await start();
  expect(await admin("PUT", "/admin/pods", [{ url: pods[1].url, name: "two" }])).toMatchObject({ status: 200 });
  expect(await names()).toEqual(["two"]);
  expect(await send("hi")).toBe(200);
  expect(pods.map(({ seen }) => seen.length)).toEqual([0, 1]);
});

it("follows a pod to another port under the same name (MEMB-05: dyn #12566)", async () => {
  await start();
  expect(await admin("POST", "/admin/pods", { name: "one", url: pods[1].url })).toMatchObject({ status: 201 });
  expect(await names()).toEqual(["one"]);
  expect(await send("hi")).toBe(200);
  expect(pods[1].seen).toHaveLength(1);
});

it("lets a stream finish on a pod that is removed meanwhile (DRAIN-01: smg #1076)", async () => {
  await start();
  let finish = (): void => {};
  pods[0].answer = (_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("data: 1\n\n");
    finish = () => void response.end("data: [DONE]\n\n");
  };
  const { body } = await request(`${router.url}/v1/completions`, {
    dispatcher: client,
    method: "POST",
    body: completion("hi"),
  });
  await admin("DELETE", "/admin/pods/one");
  expect(await admin("GET", "/admin/pods")).toMatchObject({
    body: { pods: [{ name: "one", state: "draining", inFlight: 1 }] },
  });
  finish();
  expect(await body.text()).toBe("data: 1\n\ndata: [DONE]\n\n");
});

it.each([
  ["{", /not JSON/],
  [{}, /url/],
  [{ url: "http://pod", gpu: "h100" }, /h100/],
  [{ url: "ftp://pod" }, /http/],
  [{ url: "http://pod:1", prot: 1 }, /unknown key "prot"/],
  [[], /object/],
])("refuses the pod %j with one clear line", async (body, says) => {
  await start();
  const answer = await admin("POST", "/admin/pods", body);
  expect(answer.status).toBe(400);
  const { message } = answer.body["error"] as { message: string };
  expect(message).toMatch(says);
  expect(message).not.toContain("\n");
  expect(await names()).toEqual(["one"]);
});

it("refuses a fleet that lists a pod twice, and a removal that names none", async () => {
  await start();
  const twice = await admin("PUT", "/admin/pods", [{ url: pods[1].url }, { url: `${pods[1].url}/`, name: "again" }]);
  expect(twice).toMatchObject({ status: 400, body: { error: { message: expect.stringMatching(/is listed twice/) } } });
  expect(await admin("DELETE", "/admin/pods")).toMatchObject({
    status: 400,
    body: { error: { message: expect.stringMatching(/^which pod\? DELETE \/admin\/pods\/NAME/) } },
  });
  expect(await names()).toEqual(["one"]);
});

it.each(["//", "//[", "/admin/pods/%", "/%00", "/admin/tree?limit=%", "*", "/admin/pods?url=%ff"])(
  "survives the target %s",
  async (target) => {
    await start({ adminHost: "127.0.0.1" });
    const socket = connect(Number(new URL(router.adminUrl).port), "127.0.0.1");
    socket.write(`DELETE ${target} HTTP/1.1\r\nhost: r\r\nconnection: close\r\n\r\n`);
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 (?:400|404|200) /);
    expect(await names()).toEqual(["one"]);
    socket.destroy();
  },
);

it("answers HEAD where it answers GET", async () => {
  await start();
  for (const path of ["/health", "/metrics", "/admin/pods"]) {
    const { statusCode, body } = await request(`${router.adminUrl}${path}`, { dispatcher: client, method: "HEAD" });
    expect([statusCode, await body.text()]).toEqual([200, ""]);
  }
});

it("shows who holds how much, and never the prompt", async () => {
  await start();
  const canary = "wombat ".repeat(50);
  await send(canary);
  await send(`${canary} again`);
  const { body } = await admin("GET", "/admin/tree");
  expect(body).toMatchObject({
    nodes: 2,
    namespaces: [{ model: "m", prefixes: [{ pods: [{ name: "one" }], parent: null }, { parent: 0 }], more: false }],
  });
  expect(await admin("GET", "/admin/tree?limit=1")).toMatchObject({ body: { namespaces: [{ more: true }] } });
  expect(await admin("GET", "/admin/tree?limit=x")).toMatchObject({ status: 400 });
});

it("keeps prompts and credentials out of logs, metrics, headers, explanations and error bodies", async () => {
  await start();
  await send("secret-canary", { "x-request-id": "r1", authorization: "Bearer token-canary" });
  await send("secret-canary", { "x-request-id": "r2", "x-routeproof-explain": "1" });
  const pages = await Promise.all(
    ["/metrics", "/admin/tree", "/admin/explain/r1", "/admin/pods"].map(async (path) =>
      (await request(`${router.adminUrl}${path}`, { dispatcher: client })).body.text(),
    ),
  );
  expect([...pages, ...lines].join("\n")).not.toContain("canary");
  const line = lines
    .map((text) => JSON.parse(text) as Record<string, unknown>)
    .find(({ requestId }) => requestId === "r1");
  expect(line).toMatchObject({ event: "request", model: "m", status: 200, pod: "one", outcome: "ok", attempts: 1 });
});

it("counts what happened, and drops the series of a pod that is gone (OBS-01, OBS-02: ps #936; vr #268; dyn #6536)", async () => {
  await start();
  await send("hello there");
  await send("hello there");
  await request(`${router.url}/v1/completions`, { dispatcher: client, method: "POST", body: "{" }).then(({ body }) =>
    body.dump(),
  );
  const page = async (): Promise<Map<string, number>> => {
    const { body, headers } = await request(`${router.url}/metrics`, { dispatcher: client });
    expect(headers["content-type"]).toMatch(/^text\/plain/);
    const samples = parsePrometheusText(await body.text()).flatMap((family) => family.samples);
    return new Map(
      samples.map(({ name, labels, value }) => [`${name} ${Object.values(labels).join(" ")}`.trim(), value]),
    );
  };
  const before = await page();
  expect(
    before.get("routeproof_router_requests_total 200 one") ?? before.get("routeproof_router_requests_total one 200"),
  ).toBe(2);
  expect(before.get("routeproof_router_decisions_total only-pod")).toBe(2);
  expect(before.get("routeproof_router_in_flight one")).toBe(0);
  expect(before.get("routeproof_router_index_nodes")).toBe(1);
  expect(before.get("routeproof_router_matched_ratio_count")).toBe(2);
  expect([...before.keys()].some((key) => key.includes("400"))).toBe(true);
  await admin("DELETE", "/admin/pods/one");
  const after = await page();
  expect([...after.keys()].filter((key) => key.includes("one") && !key.includes("only"))).toEqual([]);
  expect(after.get("routeproof_router_index_nodes")).toBe(0);
});

it("wants its token on each port, and only there, when one is set", async () => {
  await start({ settings: { apiKey: "data-key", adminToken: "admin-key" } });
  expect(await send("hi")).toBe(401);
  expect(await send("hi", { authorization: "Bearer wrong" })).toBe(401);
  const { headers, body } = await request(`${router.url}/v1/models`, { dispatcher: client });
  expect(headers).toMatchObject({ "www-authenticate": "Bearer", "content-length": "24" });
  expect(await body.text()).toBe('{"error":"Unauthorized"}');
  expect(await send("hi", { authorization: "Bearer data-key" })).toBe(200);
  expect(pods[0].seen).toHaveLength(1);
  expect(pods[0].seen[0]?.headers).not.toHaveProperty("authorization");
  expect((await admin("GET", "/admin/pods")).status).toBe(401);
  expect((await admin("GET", "/admin/pods", undefined, "admin-key")).status).toBe(200);
  const health = await request(`${router.url}/health`, { dispatcher: client });
  await health.body.dump();
  expect(health.statusCode).toBe(200);
});

it("checks the token before it reads the body (SEC-02: smg #472)", async () => {
  await start({ settings: { apiKey: "data-key" } });
  const socket = connect(Number(new URL(router.url).port), "127.0.0.1");
  socket.write("POST /v1/completions HTTP/1.1\r\nhost: r\r\ncontent-length: 1000000\r\n\r\n");
  const [answer] = (await once(socket, "data")) as [Buffer];
  expect(String(answer)).toMatch(/^HTTP\/1\.1 401 /);
  socket.destroy();
});

it("times the first byte, not the last (OBS-04: aib #2481)", async () => {
  await start();
  let end = (): void => {};
  pods[0].answer = (_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("data: 1\n\n");
    end = () => void response.end("data: [DONE]\n\n");
  };
  const { body } = await request(`${router.url}/v1/completions`, {
    dispatcher: client,
    method: "POST",
    body: completion("hi", { stream: true }),
  });
  const firstByteMs = performance.now();
  await until(() => performance.now() - firstByteMs > 50);
  end();
  await body.text();
  await until(() => lines.some((line) => line.includes('"event":"request"')));
  const logged = lines.map((line) => JSON.parse(line) as Record<string, number>).find((line) => "firstByteMs" in line);
  expect((logged?.["durationMs"] ?? 0) - (logged?.["firstByteMs"] ?? 0)).toBeGreaterThan(50);
});

it("labels nothing with what a client can invent (OBS-05: smg #1679)", async () => {
  await start({ pods: [{ url: pods[0].url, name: "one", models: ["m"] }] });
  const series = async (): Promise<string[]> => {
    const { body } = await request(`${router.url}/metrics`, { dispatcher: client });
    const samples = parsePrometheusText(await body.text()).flatMap((family) => family.samples);
    return samples.map(({ name, labels }) => `${name} ${JSON.stringify(labels)}`);
  };
  const ask = async (index: number): Promise<void> => {
    const invented = { model: `model-${index}`, user: `user-${index}`, cache_salt: `salt-${index}` };
    for (const body of [completion("hi", invented), completion("hi", { ...invented, model: "m" })]) {
      const headers = { "x-request-id": `request-${index}`, "x-session-id": `session-${index}` };
      const answer = await request(`${router.url}/v1/completions?q=${index}`, {
        dispatcher: client,
        method: "POST",
        headers,
        body,
      });
      await answer.body.dump();
    }
  };
  await ask(0);
  const before = await series();
  for (let index = 1; index <= 100; index++) await ask(index);
  expect(await series()).toEqual(before);
});
