/** What uvicorn was seen to do with connections at SIGTERM: only those that have a request's whole head live on. */
import { connect, type Socket } from "node:net";
import { expect, it } from "vitest";
import { startFleet } from "../fleet/fleet.ts";

const BODY = '{"model":"tiny","prompt":"hello","max_tokens":2}';
const HEAD = `POST /v1/completions HTTP/1.1\r\nHost: pod\r\nContent-Type: application/json\r\nContent-Length: ${BODY.length}\r\n\r\n`;
const HEALTH = "GET /health HTTP/1.1\r\nHost: pod\r\n\r\n";

interface Client {
  readonly socket: Socket;
  received: string;
  closed: boolean;
}

async function client(port: number, sent: string): Promise<Client> {
  const socket = connect(port, "127.0.0.1");
  const own: Client = { socket, received: "", closed: false };
  socket.on("data", (part) => (own.received += part.toString("latin1")));
  socket.on("close", () => (own.closed = true)).on("error", () => undefined);
  await new Promise((connected) => socket.once("connect", connected));
  if (sent !== "") await new Promise((written) => socket.write(sent, written));
  return own;
}

it.each([
  ["a whole head", HEAD, BODY],
  ["half a body", HEAD + BODY.slice(0, 9), BODY.slice(9)],
])(
  "answers at SIGTERM what it has %s of, though its engine is gone, and closes the connection behind it",
  async (_, first, rest) => {
    await using fleet = await startFleet({ pods: "a6000:1", model: "tiny", speed: 100 });
    const pod = fleet.pod(0);
    const receiving = await client(pod.port, first);
    const idle = await client(pod.port, HEALTH);
    await expect.poll(() => idle.received).toMatch(/^HTTP\/1.1 200/);
    const ended = pod.shutdown();
    await expect.poll(() => idle.closed).toBe(true);
    expect(receiving.closed).toBe(false);
    receiving.socket.write(rest);
    await ended;
    await expect.poll(() => receiving.closed).toBe(true);
    expect(receiving.received).toMatch(
      /^HTTP\/1.1 500 [^]*\r\nconnection: close\r\n\r\n[^]*EngineCore encountered an issue/,
    );
  },
);

it.each([
  ["nothing", ""],
  ["half a head", HEAD.slice(0, 40)],
])("closes at SIGTERM a connection that sent %s", async (_, first) => {
  await using fleet = await startFleet({ pods: "a6000:1", model: "tiny", speed: 100 });
  const pod = fleet.pod(0);
  const waiting = await client(pod.port, first);
  const idle = await client(pod.port, HEALTH);
  await expect.poll(() => idle.received).toMatch(/^HTTP\/1.1 200/);
  await pod.shutdown();
  await expect.poll(() => waiting.closed).toBe(true);
  expect(waiting.received).toBe("");
});

it("closes the connection behind an error that no layer caught", async () => {
  await using fleet = await startFleet({ pods: "a6000:1", model: "tiny", speed: 100 });
  const length = "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n";
  const own = await client(fleet.pod(0).port, `POST /scale_elastic_ep HTTP/1.1\r\nHost: pod\r\n${length}[]`);
  await expect.poll(() => own.closed).toBe(true);
  expect(own.received).toMatch(/^HTTP\/1.1 500 .*'list' object has no attribute 'get'/s);
});
