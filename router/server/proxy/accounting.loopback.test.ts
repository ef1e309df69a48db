/** What is in flight, on real sockets: counted from the decision to the last byte, on whatever way a request goes. */
import { once } from "node:events";
import { connect } from "node:net";
import { Agent, request } from "undici";
import { expect, it } from "vitest";
import { RealClock } from "../../../fixtures/clock.ts";
import { createFunctionRouter } from "../../core/function-router.ts";
import { completion, ok, type Answer, type TestPod } from "../test-pod.ts";
import { scene, until, type Scene } from "../test-scene.ts";

/** Streams one event and stays open until `end`. */
function held(): { readonly answer: Answer; readonly end: () => void } {
  const open: (() => void)[] = [];
  return {
    answer: (_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("data: 1\n\n");
      open.push(() => void response.end("data: [DONE]\n\n"));
    },
    end: () => {
      for (const finish of open.splice(0)) finish();
    },
  };
}

const inFlight = async (s: Scene): Promise<unknown[]> => (await s.podStates()).map((pod) => pod["inFlight"]);
const first = (s: Scene): TestPod => s.pods[0] as TestPod;

it("counts a request of every endpoint from its decision to its last byte (LOAD-01, LOAD-04: vr #179; sgl #9484, #9491)", async () => {
  await using s = await scene(1);
  const { answer, end } = held();
  first(s).answer = answer;
  const chat = JSON.stringify({ model: "m", messages: [{ role: "user", content: "hi" }], stream: true });
  const streams = [
    await s.post(completion("hi", { stream: true })),
    await s.post(chat, { path: "/v1/chat/completions" }),
  ];
  // Heads and first events are through, last ones are not.
  expect(await inFlight(s)).toEqual([2]);
  expect(s.ledger.open.size).toBe(2);
  end();
  for (const { body } of streams) await body.text();
  await until(() => s.ledger.open.size === 0);
  expect(await inFlight(s)).toEqual([0]);
});

it("counts nothing for a client that leaves before its body is complete (LOAD-13: aib #2338)", async () => {
  await using s = await scene(1);
  for (let count = 0; count < 20; count++) {
    const socket = connect(Number(new URL(s.router.url).port), "127.0.0.1");
    socket.on("error", () => {});
    socket.write(`POST /v1/completions HTTP/1.1\r\nhost: r\r\ncontent-length: 1000\r\n\r\n{"model":"m","prom`);
    await once(socket, "connect");
    socket.destroy();
  }
  expect(await s.status()).toBe(200);
  expect([s.ledger.decided.length, s.ledger.open.size, first(s).seen.length]).toEqual([1, 0, 1]);
});

it("holds nothing against a pod whose client closes right after [DONE] (STRM-07: aib #2224)", async () => {
  await using s = await scene(1, { breakerFailures: 1 });
  first(s).answer = (_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("data: 1\n\ndata: [DONE]\n\n");
  };
  const { body } = await s.post(completion("hi", { stream: true }));
  for await (const chunk of body) if (String(chunk).includes("[DONE]")) break;
  await until(() => s.ledger.open.size === 0);
  expect(s.ledger.outcomes).toEqual(["aborted"]);
  // The first token was told before, so that the decision keeps the prefix.
  expect(s.ledger.firstTokens).toHaveLength(1);
  first(s).answer = ok;
  expect(await s.status()).toBe(200);
  expect(await s.podStates()).toMatchObject([{ state: "healthy", inFlight: 0 }]);
});

it("lets go of everything on a pod that dies, at once (TMO-02, LOAD-06: nvcf #1533; dyn #1424)", async () => {
  await using s = await scene(2, { probeMs: 600_000 });
  const [dying, other] = s.pods as [TestPod, TestPod];
  let unanswered = 0;
  dying.answer = (seen, response) => {
    if (seen.body.includes("silent")) unanswered++;
    else held().answer(seen, response);
  };
  const silent = Array.from({ length: 5 }, () => s.post(completion("silent")));
  const begun = await Promise.all(Array.from({ length: 5 }, () => s.post(completion("begun", { stream: true }))));
  await until(() => unanswered === 5);
  await dying.crash();
  for (const { body } of begun) await expect(body.text()).rejects.toThrow(/terminated|closed|socket/i);
  for (const answer of await Promise.all(silent)) {
    expect(answer.headers["x-routeproof-pod"]).toBe(other.name);
    await answer.body.dump();
  }
  await until(() => s.ledger.open.size === 0);
  expect(s.ledger.outcomes.toSorted()).toEqual([...Array<string>(10).fill("error"), ...Array<string>(5).fill("ok")]);
});

it("carries a thousand streams at a time to their ends (SCALE-01, PERF-01: ps #448, #767; aib #1838, #1023)", async () => {
  await using s = await scene(2);
  const holds = s.pods.map(() => held());
  for (const [index, pod] of s.pods.entries()) pod.answer = (holds[index] as ReturnType<typeof held>).answer;
  const client = new Agent();
  const streams = await Promise.all(
    Array.from({ length: 1000 }, (_, index) =>
      request(`${s.router.url}/v1/completions`, {
        dispatcher: client,
        method: "POST",
        body: completion(`p${index}`, { stream: true }),
      }),
    ),
  );
  expect(s.ledger.open.size).toBe(1000);
  for (const { end } of holds) end();
  for (const { body } of streams) expect(await body.text()).toBe("data: 1\n\ndata: [DONE]\n\n");
  await client.destroy();
  expect(s.ledger.outcomes).toEqual(Array(1000).fill("ok"));
});

it("survives requests, expiry and changes of the fleet all at once (RACE-01: aib #730, #1131, #2091; gie #2501; ps #572)", async () => {
  const clock = new RealClock();
  const router = createFunctionRouter({ seed: 1, ttlMs: 500, tokenizer: { encode: (text) => [...Buffer.from(text)] } });
  await using s = await scene(3, { router, clock });
  const fleet = s.pods.map(({ url }) => ({ url }));
  let settled = false;
  const hasSettled = (): boolean => settled;
  const [stays] = fleet as [(typeof fleet)[number]];
  const answers = Array.from({ length: 200 }, async (_, index) => {
    const { statusCode, body } = await s.post(completion(`${"shared ".repeat(index % 20)}${index}`));
    await body.dump();
    return statusCode;
  });
  const all = Promise.all(answers).finally(() => (settled = true));
  for (let turn = 0; !hasSettled(); turn++) {
    await s.router.setPods(turn % 2 === 0 ? [stays] : [...fleet.slice(1), stays]);
    clock.advance(1000);
  }
  expect(new Set(await all)).toEqual(new Set([200]));
  await until(() => router.pods().every((pod) => pod.inFlight === 0));
});
