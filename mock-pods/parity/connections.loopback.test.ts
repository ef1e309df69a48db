/** Bytes of connections as they were: pipelining, old versions of HTTP, expectations, chunked bodies, and what is no HTTP. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startFleet } from "../fleet/fleet.ts";
import type { Fleet } from "../pod/pod.ts";
import { RECORDED_SERVERS } from "./recorded-servers.ts";

interface RecordedConnection {
  readonly id: string;
  /** One part after the other; the next when something was received. As Latin-1. */
  readonly sent: readonly string[];
  readonly received: string;
  /** The server closed it. */
  readonly closed: boolean;
}

const connections = readFileSync("fixtures/recordings/connections.jsonl", "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => JSON.parse(line) as RecordedConnection);

/** A busy machine may take its time. */
const PATIENCE = { timeout: 30_000 };

let fleet: Fleet;
beforeAll(async () => void (fleet = await startFleet({ ...RECORDED_SERVERS.A, speed: 50 })));
afterAll(() => fleet.close());

it("has recorded connections", () => expect(connections).toHaveLength(58));

it.each(connections)(
  "treats the connection as a real vLLM does: $id",
  { timeout: 60_000 },
  async ({ sent, received, closed }) => {
    const socket = connect(fleet.pod(0).port, "127.0.0.1");
    let ours = "";
    let ended = false;
    socket.on("data", (part) => (ours += part.toString("latin1")));
    socket.on("close", () => (ended = true));
    socket.on("error", () => undefined);
    for (const [index, part] of sent.entries()) {
      if (index > 0) await once(socket, "data");
      socket.write(Buffer.from(part, "latin1"));
    }
    await expect.poll(() => plain(ours), PATIENCE).toBe(plain(received));
    if (closed) await expect.poll(() => ended, PATIENCE).toBe(true);
    socket.destroy();
  },
);

/** What differs between any two answers, and what the model says. */
function plain(bytes: string): string {
  return bytes
    .replace(/^date: .*$/gm, "date: <date>")
    .replace(/^x-request-id: [0-9a-f]{32}/gm, "x-request-id: <id>")
    .replace(/^x-inference-pod: .*\r\n/gm, "")
    .replace(/cmpl-[0-9a-f]{16}/g, "cmpl-<id>")
    .replace(/"created":\d+/g, '"created":<time>')
    .replace(/"text":"(?:[^"\\]|\\.)*"/g, '"text":"<text>"')
    .replace(/vllm-0\.32\.0-[0-9a-f]{8}/g, "vllm-0.32.0-<hash>")
    .replace(/\r\n[0-9a-f]{2,3}\r\ndata/g, "\r\n<length>\r\ndata")
    .replace(/content-length: \d{3,}/g, "content-length: <length>");
}
