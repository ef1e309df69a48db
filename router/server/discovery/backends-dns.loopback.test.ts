/** Against a name server on the loopback address that answers from a table: real packets, the resolver that ships with Node. */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { afterEach, beforeEach, expect, it } from "vitest";
import { watchDns } from "./backends-dns.ts";
import type { PodSource } from "./pod-source.ts";
import { recordingSink } from "./test-recording-sink.ts";

const TYPES = { A: 1, AAAA: 28, SRV: 33 } as const;
const RCODES = { ok: 0, failure: 2, noName: 3 } as const;

type Table = Readonly<Record<string, Readonly<Partial<Record<keyof typeof TYPES, readonly Buffer[]>>>>>;

let server: Socket;
let servers: string[];
let table: Table = {};
let broken = false;
let source: PodSource | undefined;

beforeEach(async () => {
  table = {};
  broken = false;
  server = createSocket("udp4");
  server.on("message", (query, from) => server.send(reply(query), from.port, from.address));
  server.bind(0, "127.0.0.1");
  await once(server, "listening");
  servers = [`127.0.0.1:${server.address().port}`];
});
afterEach(() => {
  source?.stop();
  source = undefined;
  server.close();
});

const a = (address: string): Buffer => Buffer.from(address.split(".").map(Number));
const aaaaLoopback = Buffer.from([...Array.from({ length: 15 }, () => 0), 1]);
function srv(port: number, target: string): Buffer {
  const head = Buffer.alloc(6);
  head.writeUInt16BE(port, 4);
  return Buffer.concat([head, encodeName(target)]);
}

function encodeName(name: string): Buffer {
  const labels = name.split(".").map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
  return Buffer.concat([...labels, Buffer.from([0])]);
}

function reply(query: Buffer): Buffer {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  const question = query.subarray(12, at + 5);
  const type = query.readUInt16BE(at + 1);
  const records = table[labels.join(".").toLowerCase()];
  const kind = (Object.keys(TYPES) as (keyof typeof TYPES)[]).find((name) => TYPES[name] === type);
  const answers = broken || kind === undefined ? [] : (records?.[kind] ?? []);
  const rcode = broken ? RCODES.failure : records === undefined ? RCODES.noName : RCODES.ok;
  const head = Buffer.alloc(12);
  query.copy(head, 0, 0, 2);
  head.writeUInt16BE(0x8180 | rcode, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(answers.length, 6);
  const body = answers.map((data) => {
    const record = Buffer.alloc(12);
    record.writeUInt16BE(0xc00c, 0);
    record.writeUInt16BE(type, 2);
    record.writeUInt16BE(1, 4);
    record.writeUInt16BE(data.length, 10);
    return Buffer.concat([record, data]);
  });
  return Buffer.concat([head, question, ...body]);
}

it("takes every address of a host, of both families, and follows changes", async () => {
  table = { "pods.test": { A: [a("10.0.0.2"), a("10.0.0.1")], AAAA: [aaaaLoopback] } };
  const sink = recordingSink();
  source = await watchDns({ name: "pods.test:8000", everyMs: 20, servers }, sink);
  await sink.settled(["http://10.0.0.1:8000", "http://10.0.0.2:8000", "http://[::1]:8000"]);
  table = { "pods.test": { A: [a("10.0.0.3")] } };
  await sink.settled(["http://10.0.0.3:8000"]);
  table = {};
  await sink.settled([]);
  expect(sink.lists).toHaveLength(3);
});

it("takes every target of a service record with its own port", async () => {
  table = {
    "_vllm._tcp.test": { SRV: [srv(8001, "one.test"), srv(8002, "two.test")] },
    "one.test": { A: [a("10.0.0.1")] },
    "two.test": { A: [a("10.0.0.2")] },
  };
  const sink = recordingSink();
  source = await watchDns({ name: "_vllm._tcp.test", everyMs: 20, servers }, sink);
  await sink.settled(["http://10.0.0.1:8001", "http://10.0.0.2:8002"]);
  expect(sink.lists).toHaveLength(1);
});

it("keeps the list it had while the name server is away (MEMB-09: dyn #3493)", async () => {
  table = { "pods.test": { A: [a("10.0.0.1")] } };
  const sink = recordingSink();
  source = await watchDns({ name: "pods.test:8000", everyMs: 20, servers }, sink);
  broken = true;
  await sink.logs(3);
  expect(sink.logged[0]).toMatchObject({ level: "warn", event: "dns", kept: "the list before" });
  expect(sink.lists).toHaveLength(1);
  table = { "pods.test": { A: [a("10.0.0.9")] } };
  broken = false;
  await sink.settled(["http://10.0.0.9:8000"]);
});

it("asks the system when no server is named, hosts file included", async () => {
  const sink = recordingSink();
  source = await watchDns({ name: "localhost:8000", everyMs: 60_000 }, sink);
  expect(sink.lists.at(-1)?.map(({ url }) => url)).toContain("http://127.0.0.1:8000");
});
