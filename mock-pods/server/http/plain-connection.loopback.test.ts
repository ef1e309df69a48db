/** What a connection answers is the same whoever reads its requests: a hook that answers nothing gives all to Node. */
import { once } from "node:events";
import { connect } from "node:net";
import { setImmediate } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startFleet } from "../../fleet/fleet.ts";
import type { Fleet } from "../../pod/pod.ts";

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet({ pods: "a6000:2", speed: 100, environment: { VLLM_HTTP_TIMEOUT_KEEP_ALIVE: "60" } });
  fleet.pod(1).intercept(() => false);
});
afterAll(() => fleet.close());

/** Sends the parts, each in a turn of its own, and resolves to all that comes until the pod closes the connection. */
async function bytesOf(pod: number, parts: readonly string[]): Promise<string> {
  const socket = connect({ port: fleet.pod(pod).port, host: "127.0.0.1", noDelay: true });
  let received = "";
  socket.on("data", (part) => (received += part.toString("latin1")));
  for (const part of parts) {
    socket.write(part, "latin1");
    await setImmediate();
  }
  await once(socket, "close");
  return received
    .replace(/^date: .*$/gm, "date: <date>")
    .replace(/a6000-[01]/g, "<pod>")
    .replace(/[0-9a-f]{16,32}/g, "<id>")
    .replace(/"created":\d+/g, '"created":<time>');
}

const post = (body: object, headers = "", path = "/v1/completions") => {
  const text = JSON.stringify({ ignore_eos: true, ...body });
  return `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${headers}content-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
};
const small = post({ prompt: "a", max_tokens: 2 }, "x-request-id: one\r\n");
const stream = post({ prompt: "b", max_tokens: 3, stream: true });
const large = post({ prompt: "word ".repeat(2_000), max_tokens: 1 });
const health = "GET /health HTTP/1.1\r\nhost: x\r\n\r\n";
const head = "HEAD /health HTTP/1.1\r\nhost: x\r\n\r\n";
const chunked =
  'POST /tokenize HTTP/1.1\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n10\r\n{"prompt":"abc"}\r\n0\r\n\r\n';
const last = "GET /health HTTP/1.1\r\nconnection: close\r\n\r\n";
const wrong = "G E T\r\n\r\n";

const LIVES: Readonly<Record<string, readonly string[]>> = {
  "one request": [small],
  "a stream": [stream],
  "an error": [post({ prompt: 1.5 })],
  "no such path": [post({}, "", "/nowhere?x=%20")],
  "one after the other": [small, health, stream, small],
  "all at once": [small + health + stream + small],
  "others among them": [small + head + stream, chunked + small, health],
  "a body in pieces": [large.slice(0, 500), large.slice(500, 5_000), large.slice(5_000) + small],
  "a head in pieces": [small.slice(0, 10), small.slice(10, 60), small.slice(60) + stream],
  "what is not HTTP": [wrong],
  "what is not HTTP behind a request": [small + wrong],
};

it.each(Object.entries(LIVES))("answers alike: %s", async (_, parts) => {
  const [plain, byNode] = await Promise.all([bytesOf(0, [...parts, last]), bytesOf(1, [...parts, last])]);
  expect(plain).toBe(byNode);
  expect(plain).toMatch(/^HTTP\/1\.1 /);
});

it("closes a connection that is idle, and no other", async () => {
  const idle = await startFleet({ pods: "a6000:1", environment: { VLLM_HTTP_TIMEOUT_KEEP_ALIVE: "1" } });
  const pod = idle.pod(0);
  pod.hold();
  const sockets = [health, health + small].map((bytes) => {
    const socket = connect(pod.port, "127.0.0.1");
    socket.resume().write(bytes);
    return socket;
  });
  const closed = sockets.map((socket) => once(socket, "close"));
  await closed[0];
  expect(pod.journal().map(({ ended }) => ended?.how)).toEqual(["finished", "finished", undefined]);
  pod.release();
  await closed[1];
  expect(pod.journal().map(({ path, ended }) => [path, ended?.how])).toEqual([
    ["/health", "finished"],
    ["/health", "finished"],
    ["/v1/completions", "finished"],
  ]);
  await idle.close();
});
