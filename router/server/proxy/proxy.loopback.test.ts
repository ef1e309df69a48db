import { setImmediate as turn } from "node:timers/promises";
import { Agent, request } from "undici";
import { afterAll, expect, it } from "vitest";
import { LedgerRouter } from "../test-ledger-router.ts";
import { startRouter } from "../start-router.ts";
import { completion, ok, startTestPod, type TestPod } from "../test-pod.ts";
import { scene, type Scene } from "../test-scene.ts";

const client = new Agent();
afterAll(() => client.destroy());

const first = ({ pods }: Scene): TestPod => pods[0] as TestPod;

it("passes the bytes of both directions unchanged (PROTO-08, PROTO-09, PROTO-13: vr #193; gie #2769; smg #577; ldr #781)", async () => {
  await using s = await scene(1);
  const odd = Buffer.from(
    '{ "model":"m", "prompt":"h\\u00e9", "big":12345678901234567890, "a":1,"a":2, "x":[1.50e0] }  ',
  );
  const answer = Buffer.from('{"odd":  "\\ud83d", "text":"né"}\n');
  first(s).answer = (_, response) => void response.writeHead(200, { "content-type": "application/json" }).end(answer);
  const response = await s.post(odd, { path: "/v1/completions?beta=1" });
  expect(Buffer.from(await response.body.arrayBuffer())).toEqual(answer);
  expect(first(s).seen[0]?.body).toEqual(odd);
  expect(first(s).seen[0]?.path).toBe("/v1/completions?beta=1");
});

it("passes odd server-sent events byte for byte, each before the next is sent (STRM-01, STRM-02, STRM-03, STRM-04, STRM-05: smg #1878, #1682; gie #2026, #2652; aib #2225; ps #960)", async () => {
  await using s = await scene(1);
  const emoji = Buffer.from("data: 👩‍👩‍👧\n\n");
  const pieces = [
    Buffer.from(": comment\n\n"),
    Buffer.from("data:no-space\r\n\r\n"),
    emoji.subarray(0, 9),
    emoji.subarray(9),
    Buffer.from('data: {"text":"data: [DONE]"}\n\nevent: x\ndata: a\ndata: b\n\n'),
    Buffer.from('data: {"error":{"message":"a \\"quoted\\" line\\n","code":500}}\n\n'),
    Buffer.from("data: [DONE]\n\n"),
  ];
  let sendNext = (): void => {};
  first(s).answer = (_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
    let next = 0;
    sendNext = () => void (next < pieces.length ? response.write(pieces[next++]) : response.end());
    sendNext();
  };
  const { body, headers } = await s.post(completion("hi", { stream: true }));
  expect(headers["content-type"]).toBe("text/event-stream; charset=utf-8");
  const got: Buffer[] = [];
  for await (const chunk of body) {
    got.push(chunk as Buffer);
    // Causal: the pod writes the next piece only once the client has this one. A proxy that buffers never gets here.
    sendNext();
  }
  expect(Buffer.concat(got)).toEqual(Buffer.concat(pieces));
  expect(got.length).toBe(pieces.length);
  expect(s.ledger.outcomes).toEqual(["ok"]);
  expect(s.ledger.firstTokens).toHaveLength(1);
});

it("drops hop-by-hop headers both ways and passes the rest, repeated ones repeated (PROTO-03, PROTO-10, SESS-03: ps #836; gie #2593; aib #2122)", async () => {
  await using s = await scene(1);
  first(s).answer = (_, response) => {
    const headers = {
      "content-type": "application/json",
      "set-cookie": ["a=1", "b=2"],
      "retry-after": "7",
      connection: "keep-alive, x-private",
      "x-private": "1",
      "keep-alive": "timeout=9",
      "x-custom": "yes",
      "x-routeproof-pod": "a lie",
      "content-length": "2",
    };
    response.writeHead(200, headers);
    response.end("{}");
  };
  const response = await s.post(completion("hi"), {
    headers: {
      "x-custom": ["1", "2"],
      authorization: "Bearer mine",
      "proxy-authorization": "Basic secret",
      te: "trailers",
      "x-request-id": "id-7",
    },
  });
  await response.body.dump();
  expect(response.headers["set-cookie"]).toEqual(["a=1", "b=2"]);
  expect(response.headers).toMatchObject({
    "retry-after": "7",
    "x-custom": "yes",
    "x-request-id": "id-7",
    "x-routeproof-pod": first(s).name,
    "content-length": "2",
  });
  expect(response.headers).not.toHaveProperty("x-private");
  const { headers } = first(s).seen[0] as TestPod["seen"][number];
  expect(headers).toMatchObject({ "x-custom": "1, 2", authorization: "Bearer mine", "x-request-id": "id-7" });
  expect(headers).not.toHaveProperty("proxy-authorization");
  expect(headers).not.toHaveProperty("te");
  expect(headers.host).toBe(first(s).name);
});

it("does not let a client choose the pod (SEC-01: gie #2025)", async () => {
  await using s = await scene(2);
  const second = s.pods[1] as TestPod;
  const steering = [
    "target-pod",
    "x-gateway-destination-endpoint",
    "x-worker-id",
    "x-routeproof-pod",
    "x-smg-target-worker",
  ];
  const response = await s.post(completion("hi"), {
    headers: Object.fromEntries(steering.map((name) => [name, second.name])),
  });
  await response.body.dump();
  expect(second.seen).toHaveLength(0);
  for (const name of steering) expect(first(s).seen[0]?.headers).not.toHaveProperty(name);
});

it("makes a request id when there is none, tells both sides, and makes another the next time", async () => {
  await using s = await scene(1);
  const ids = [];
  for (let count = 0; count < 2; count++) {
    const response = await s.post(completion("hi"));
    await response.body.dump();
    expect(first(s).seen[count]?.headers["x-request-id"]).toBe(response.headers["x-request-id"]);
    ids.push(response.headers["x-request-id"]);
  }
  expect(new Set(ids).size).toBe(2);
});

it("serves two requests that carry one id at the same time (PROTO-04: ldr #1147)", async () => {
  await using s = await scene(1);
  const answers: (() => void)[] = [];
  first(s).answer = (seen, response) => void answers.push(() => ok(seen, response));
  const both = [1, 2].map(() => s.post(completion("hi"), { headers: { "x-request-id": "same" } }));
  await first(s).arrivals(2);
  expect(s.ledger.open.size).toBe(2);
  for (const answer of answers) answer();
  for (const one of both) await (await one).body.dump();
  expect(s.ledger.open.size).toBe(0);
});

it("tells the decision when asked, in a header and afterwards by id (PFX-15: ldr #1061)", async () => {
  await using s = await scene(2);
  const response = await s.post(completion("why"), {
    headers: { "x-request-id": "q 1", "x-routeproof-explain": "1" },
  });
  await response.body.dump();
  const decision: unknown = JSON.parse(String(response.headers["x-routeproof-decision"]));
  expect(decision).toMatchObject({ requestId: "q 1", pod: first(s).name, candidates: [{}, {}] });
  const explained = await request(`${s.router.adminUrl}/admin/explain/q%201`, { dispatcher: client });
  expect(await explained.body.json()).toMatchObject({
    requestId: "q 1",
    attempts: [{ decision, status: 200, outcome: "ok" }],
  });
  const silent = await s.post(completion("why"));
  await silent.body.dump();
  expect(silent.headers).not.toHaveProperty("x-routeproof-decision");
});

it("aborts the pod's request when the client leaves before the first byte (LOAD-03, STRM-06: vr #215; vllm #54947)", async () => {
  await using s = await scene(1);
  first(s).answer = () => {};
  for (const stream of [true, false]) {
    const leaving = new AbortController();
    const pending = s.post(completion("hi", { stream }), { signal: leaving.signal });
    await first(s).arrivals(stream ? 1 : 2);
    leaving.abort();
    await expect(pending).rejects.toThrow(/abort/);
    await first(s).seen.at(-1)?.disconnected;
  }
  expect(s.ledger.outcomes).toEqual(["aborted", "aborted"]);
  expect(s.ledger.open.size).toBe(0);
});

it("aborts the pod's request when the client leaves in the middle of a stream (LOAD-03, STRM-06: gie #2064; xinference #5548)", async () => {
  await using s = await scene(1);
  first(s).answer = (_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("data: 1\n\n");
  };
  const { body } = await s.post(completion("hi", { stream: true }));
  for await (const chunk of body) {
    expect(String(chunk)).toBe("data: 1\n\n");
    break;
  }
  await first(s).seen[0]?.disconnected;
  expect(s.ledger.outcomes).toEqual(["aborted"]);
});

it("holds the pod back when the client does not read", async () => {
  await using s = await scene(1);
  const total = 64 * 2 ** 20;
  let written = 0;
  let blocked = (): void => {};
  const isBlocked = new Promise<void>((resolve) => (blocked = resolve));
  first(s).answer = (_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    const more = (): void => {
      while (written < total) {
        written += 65536;
        if (!response.write(Buffer.alloc(65536, 97))) {
          const before = written;
          response.once("drain", more);
          setTimeout(() => before === written && blocked(), 300);
          return;
        }
      }
      response.end();
    };
    more();
  };
  const { body } = await s.post(completion("hi", { stream: true }));
  await isBlocked;
  expect(written).toBeLessThan(32 * 2 ** 20);
  let received = 0;
  for await (const chunk of body) received += (chunk as Buffer).length;
  expect(received).toBe(total);
});

it("takes bodies of ten megabytes and refuses what is over the limit, to the byte (PROTO-12: sgl #10818)", async () => {
  const limit = 11 * 2 ** 20;
  await using s = await scene(1, { settings: { maxBodyBytes: limit } });
  const sized = (bytes: number): string => {
    const frame = completion("").length;
    return completion("x".repeat(bytes - frame));
  };
  const big = await s.post(sized(limit));
  await big.body.dump();
  expect(big.statusCode).toBe(200);
  expect(first(s).seen[0]?.body.length).toBe(limit);
  const over = await s.post(sized(limit + 1));
  expect(over.statusCode).toBe(413);
  expect(await over.body.json()).toMatchObject({ error: { code: 413 } });
  expect(first(s).seen).toHaveLength(1);
});

it.each([
  ["not JSON", '{"model":"m","prompt"', 400],
  ["nothing", "", 400],
  ["a list", "[1,2]", 400],
  ["no model", '{"prompt":"hi"}', 400],
  ["an unknown model", '{"model":"nope","prompt":"hi"}', 404],
  ["what is nested too deep", `{"prompt":${'{"a":'.repeat(9000)}1${"}".repeat(9000)}}`, 400],
  ["ten megabytes of brackets", "[".repeat(5_000_000) + "]".repeat(5_000_000), 400],
])(
  "refuses %s in vLLM's error shape without calling a pod (PROTO-01, PROTO-06: ps #1017, #889)",
  async (_, body, status) => {
    await using s = await scene(1);
    const response = await s.post(body);
    expect(response.statusCode).toBe(status);
    expect(await response.body.json()).toEqual({
      error: { message: expect.any(String), type: expect.any(String), param: expect.anything(), code: status },
    });
    expect(first(s).seen).toHaveLength(0);
    expect(s.ledger.decided).toHaveLength(0);
  },
);

it("refuses a wrong method and an unknown path in vLLM's error shape (PROTO-05, PROTO-06: sgl #13572)", async () => {
  await using s = await scene(1);
  const wrong = await request(`${s.router.url}/v1/completions`, { dispatcher: client });
  expect(wrong.statusCode).toBe(405);
  expect(wrong.headers["allow"]).toBe("POST");
  expect(await wrong.body.json()).toMatchObject({ error: { code: 405 } });
  const unknown = await request(`${s.router.url}/v1/nothing`, { dispatcher: client });
  expect(unknown.statusCode).toBe(404);
  expect(await unknown.body.json()).toMatchObject({ error: { code: 404 } });
});

it("says 503 at once when there is no pod, and serves when one came (PROTO-07: ldr #1735)", async () => {
  await using s = await scene(1);
  await s.router.setPods([]);
  const none = await s.post(completion("hi"));
  expect(none.statusCode).toBe(503);
  expect(await none.body.json()).toMatchObject({ error: { type: "Service Unavailable", code: 503 } });
  const ready = await request(`${s.router.url}/ready`, { dispatcher: client });
  expect(ready.statusCode).toBe(503);
  await ready.body.dump();
  await s.router.setPods([{ url: first(s).url }]);
  const served = await s.post(completion("hi"));
  expect(served.statusCode).toBe(200);
  await served.body.dump();
});

it.each([400, 404, 422, 429, 500])(
  "passes a pod's %i on unchanged after one attempt (RETRY-01, PROTO-11: lit #19275; aib #1006)",
  async (status) => {
    await using s = await scene(2);
    const body = `{"error":{"message":"no","code":${status}}}`;
    first(s).answer = (_, response) =>
      void response.writeHead(status, { "content-type": "application/json", "retry-after": "3" }).end(body);
    const response = await s.post(completion("hi"));
    expect(response.statusCode).toBe(status);
    expect(response.headers["retry-after"]).toBe("3");
    expect(await response.body.text()).toBe(body);
    expect(s.pods.map(({ seen }) => seen.length)).toEqual([1, 0]);
    expect(s.ledger.outcomes).toEqual(["error"]);
  },
);

it("shows the union of the models, even with a pod down (PROTO-06: vr #135)", async () => {
  const pods = await Promise.all([startTestPod(), startTestPod()]);
  const [one, two] = pods;
  two.models = ["m", "other"];
  const router = await startRouter({
    router: new LedgerRouter(),
    pods: [{ url: one.url }, { url: two.url }, { url: "http://127.0.0.1:1" }],
  });
  const { statusCode, body } = await request(`${router.url}/v1/models`, { dispatcher: client });
  expect(statusCode).toBe(200);
  const { data } = (await body.json()) as { data: { id: string; max_model_len: number }[] };
  expect(data.map(({ id }) => id)).toEqual(["m", "other"]);
  expect(data[0]?.max_model_len).toBe(8192);
  await router.close();
  for (const pod of pods) await pod[Symbol.asyncDispose]();
});

it("lets every stream finish when told to drain, and takes nothing new", async () => {
  await using s = await scene(1);
  const finish: (() => void)[] = [];
  first(s).answer = (_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("data: 1\n\n");
    finish.push(() => void response.end("data: [DONE]\n\n"));
  };
  const open = await Promise.all(Array.from({ length: 20 }, () => s.post(completion("hi", { stream: true }))));
  const drained = s.router.drain(30_000);
  await turn();
  const fresh = new Agent();
  await expect(request(`${s.router.url}/health`, { dispatcher: fresh })).rejects.toThrow(/ECONNREFUSED/);
  await fresh.close();
  for (const done of finish) done();
  for (const { body } of open) expect(await body.text()).toBe("data: 1\n\ndata: [DONE]\n\n");
  await drained;
});

it("cuts what has not finished when the time to drain is over (DRAIN-02: aib #2283)", async () => {
  await using s = await scene(1);
  first(s).answer = (_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("data: 1\n\n");
  };
  const { body } = await s.post(completion("hi", { stream: true }));
  await s.router.drain(100);
  await expect(body.text()).rejects.toThrow(/terminated|closed|socket/i);
  await first(s).seen[0]?.disconnected;
  expect(s.ledger.open.size).toBe(0);
});

it("reads fields as JSON, so that no prompt text can pass for one (SESS-06: vr)", async () => {
  await using s = await scene(1);
  const prompt = 'x", "model":"other", "cache_salt":"theirs", "user":"x", "prompt":"';
  expect((await s.post(completion(prompt))).statusCode).toBe(200);
  expect(s.ledger.decided).toMatchObject([{ model: "m" }]);
  expect(s.ledger.decided[0]).not.toHaveProperty("cacheSalt");
});
