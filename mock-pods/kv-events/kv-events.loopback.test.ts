import { readFileSync } from "node:fs";
import { unpack } from "msgpackr";
import { request } from "undici";
import { afterEach, expect, it } from "vitest";
import { Dealer, Request, Subscriber } from "zeromq";
import { startFleet } from "../fleet/fleet.ts";
import type { Fleet, Pod } from "../pod/pod.ts";

const open: { close(): void }[] = [];
afterEach(() => {
  for (const socket of open.splice(0)) socket.close();
});

type Flags = Readonly<Record<string, string | number | boolean>>;

function publishing(config: object = {}, flags: Flags = {}): Promise<Fleet> {
  const endpoints = { endpoint: "tcp://*:0", replay_endpoint: "tcp://*:0" };
  return startFleet({
    pods: "a6000:1",
    speed: 50,
    flags: {
      ...flags,
      "kv-events-config": JSON.stringify({ enable_kv_cache_events: true, ...endpoints, ...config }),
    },
  });
}

interface Published {
  readonly topic: string;
  readonly seq: number;
  readonly batch: readonly [seconds: number, events: unknown[], rank: number];
}

/** A subscriber of its own make: another library decodes, and nothing of ours is asked but the endpoint. */
async function subscribe(pod: Pod): Promise<() => Promise<Published>> {
  const socket = new Subscriber({ receiveTimeout: 5_000 });
  open.push(socket);
  socket.connect(pod.kvEvents?.endpoint ?? "");
  socket.subscribe("");
  await firstBatch(socket, pod);
  const next = async (): Promise<Published> => {
    const [topicFrame, seq, payload] = await socket.receive();
    const batch = unpack(payload as Buffer) as Published["batch"];
    return { topic: String(topicFrame), seq: Number((seq as Buffer).readBigUInt64BE()), batch };
  };
  // A reset pod says so, and all that comes after is the test's own.
  await pod.reset();
  while (!isCleared((await next()).batch[1][0]));
  return next;
}

/** A subscription takes effect when the publisher has heard of it: batches are made until one arrives. */
async function firstBatch(socket: Subscriber, pod: Pod): Promise<Buffer[]> {
  const got: Buffer[][] = [];
  void socket.receive().then((frames) => got.push(frames as Buffer[]));
  for (let attempt = 0; ; attempt++) {
    const [frames] = got;
    if (frames !== undefined) return frames;
    await complete(pod, ids(900 + attempt, 40), 1);
  }
}

/** In either format. */
function isCleared(event: unknown): boolean {
  return Object.values(event as object)[0] === "AllBlocksCleared";
}

/** Distinct prompts of token ids, the recorder's generator. */
function ids(seed: number, count: number): number[] {
  let x = Number((BigInt(seed) * 2654435761n + 12345n) % 2n ** 32n);
  return Array.from({ length: count }, () => {
    x = Number((BigInt(x) * 1664525n + 1013904223n) % 2n ** 32n);
    return 8 + ((x >>> 16) % 448);
  });
}

async function complete(pod: Pod, prompt: number[], maxTokens: number, more: object = {}): Promise<void> {
  const { body, statusCode } = await request(`${pod.url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: pod.model, prompt, max_tokens: maxTokens, ignore_eos: true, ...more }),
  });
  await body.dump();
  expect(statusCode).toBe(200);
}

interface Stored {
  readonly type: string;
  readonly block_hashes: (number | bigint)[];
  readonly parent_block_hash: number | bigint | null;
  readonly token_ids: number[];
  readonly extra_keys: unknown[];
}

it("publishes what it stores as vLLM 0.32 does: same frames, same keys, one chain", async () => {
  await using fleet = await publishing({ topic: "kv@$(POD_NAME)@m" });
  const pod = fleet.pod(0);
  const next = await subscribe(pod);
  const prompt = ids(1, 40);
  await complete(pod, prompt, 10);
  const prefill = await next();
  const decode = await next();
  expect(prefill.topic).toBe("kv@a6000-0@m");
  expect(decode.seq).toBe(prefill.seq + 1);
  const [first] = prefill.batch[1] as [Stored];
  const [second] = decode.batch[1] as [Stored];
  expect([prefill.batch[2], typeof prefill.batch[0]]).toEqual([0, "number"]);
  expect(Object.entries(first)).toEqual(Object.entries({ ...recorded(), ...pick(first) }));
  expect(first.token_ids).toEqual(prompt.slice(0, 32));
  expect(first.parent_block_hash).toBeNull();
  expect(second.parent_block_hash).toBe(first.block_hashes[1]);
  expect(second.token_ids.slice(0, 8)).toEqual(prompt.slice(32));
});

it("says nothing of blocks that were cached already, and puts a salt into the first block's keys", async () => {
  await using fleet = await publishing();
  const pod = fleet.pod(0);
  const next = await subscribe(pod);
  const prompt = ids(2, 40);
  await complete(pod, prompt, 1);
  await complete(pod, prompt, 1);
  await complete(pod, prompt, 1, { cache_salt: "pepper" });
  const plain = await next();
  const salted = await next();
  expect(salted.seq).toBe(plain.seq + 1);
  expect((salted.batch[1] as Stored[])[0]?.extra_keys).toEqual([["pepper"], null]);
  expect((salted.batch[1] as Stored[])[0]?.block_hashes).not.toEqual((plain.batch[1] as Stored[])[0]?.block_hashes);
});

it("announces evictions before what takes their place", async () => {
  await using fleet = await publishing({}, { "num-gpu-blocks-override": 9, "max-model-len": 128 });
  const pod = fleet.pod(0);
  const next = await subscribe(pod);
  await complete(pod, ids(3, 100), 1);
  await complete(pod, ids(4, 100), 1);
  await next();
  const types = ((await next()).batch[1] as Stored[]).map(({ type }) => type);
  expect(types.at(-1)).toBe("BlockStored");
  expect(types.slice(0, -1).length).toBeGreaterThan(0);
  expect(types.slice(0, -1).every((type) => type === "BlockRemoved")).toBe(true);
});

it("replays what it still has to a DEALER, and one batch to a REQ", async () => {
  await using fleet = await publishing({ topic: "t" });
  const pod = fleet.pod(0);
  for (const seed of [5, 6, 7]) await complete(pod, ids(seed, 20), 1);
  const start = Buffer.alloc(8);
  start.writeBigUInt64BE(1n);
  const dealer = new Dealer({ receiveTimeout: 5_000 });
  open.push(dealer);
  dealer.connect(pod.kvEvents?.replayEndpoint ?? "");
  await dealer.send(["", start]);
  const replies = [];
  for (let reply = 0; reply < 3; reply++) replies.push(await dealer.receive());
  expect(replies.map((frames) => frames.length)).toEqual([4, 4, 4]);
  expect(replies.map(([, , seq]) => (seq as Buffer).readBigInt64BE())).toEqual([1n, 2n, -1n]);
  expect(replies[2]?.map((frame) => frame.toString("hex"))).toEqual(["", "", "f".repeat(16), ""]);
  const asking = new Request({ receiveTimeout: 5_000 });
  open.push(asking);
  asking.connect(pod.kvEvents?.replayEndpoint ?? "");
  await asking.send(start);
  const [topic, seq] = await asking.receive();
  expect([String(topic), (seq as Buffer).readBigInt64BE()]).toEqual(["t", 1n]);
});

it("speaks arrays for an older vLLM", async () => {
  await using fleet = await publishing({}, { "vllm-version": "0.10" });
  const pod = fleet.pod(0);
  const next = await subscribe(pod);
  const prompt = ids(8, 16);
  await complete(pod, [...prompt, 9], 1);
  const [[tag, hashes, ...others]] = (await next()).batch[1] as [unknown[]];
  expect([tag, (hashes as unknown[]).length, ...others]).toEqual(["BlockStored", 1, null, prompt, 16, null]);
});

it("loses, duplicates and reorders batches when told to", async () => {
  await using fleet = await publishing();
  const pod = fleet.pod(0);
  const next = await subscribe(pod);
  const stop = pod.inject({ kind: "kv-events", how: "duplicated" });
  await complete(pod, ids(9, 20), 1);
  const twice = [await next(), await next()];
  expect(twice[1]).toEqual(twice[0]);
  stop();
  const stopLosing = pod.inject({ kind: "kv-events", how: "lost" });
  await complete(pod, ids(10, 20), 1);
  stopLosing();
  const stopShuffling = pod.inject({ kind: "kv-events", how: "reordered" });
  await complete(pod, ids(11, 20), 1);
  await complete(pod, ids(12, 20), 1);
  stopShuffling();
  const base = twice[0]?.seq ?? 0;
  expect([(await next()).seq - base, (await next()).seq - base]).toEqual([3, 2]);
});

it("connects where a host is named", async () => {
  const socket = new Subscriber({ receiveTimeout: 10_000 });
  open.push(socket);
  await socket.bind("tcp://127.0.0.1:*");
  socket.subscribe("");
  await using fleet = await publishing({ endpoint: socket.lastEndpoint });
  expect((await firstBatch(socket, fleet.pod(0))).length).toBe(3);
});

it("begins again at 0 after a crash, with nothing to replay, on the ports it had", async () => {
  await using fleet = await publishing();
  const pod = fleet.pod(0);
  const before = pod.kvEvents;
  for (const seed of [20, 21]) await complete(pod, ids(seed, 20), 1);
  for (let life = 0; life < 20; life++) {
    await pod.crash();
    expect(pod.kvEvents).toBeUndefined();
    await pod.start();
  }
  expect(pod.kvEvents).toEqual(before);
  await complete(pod, ids(22, 20), 1);
  const dealer = new Dealer({ receiveTimeout: 5_000 });
  open.push(dealer);
  dealer.connect(pod.kvEvents?.replayEndpoint ?? "");
  await dealer.send(["", Buffer.alloc(8)]);
  const sequences = [(await dealer.receive())[2], (await dealer.receive())[2]];
  expect(sequences.map((seq) => (seq as Buffer).readBigInt64BE())).toEqual([0n, -1n]);
});

it.each([
  ["{", /kv-events-config: not JSON/],
  ['{"endpont":"x"}', /kv-events-config: .*unknown key "endpont"/],
])("refuses the configuration %s in one clear line", async (config, message) => {
  const flags = { "kv-events-config": config };
  await expect(startFleet({ pods: "a6000:1", flags })).rejects.toMatchObject({
    code: "FILE_INVALID",
    message: expect.stringMatching(message),
  });
});

/** A BlockStored of the recording. */
function recorded(): Stored {
  const lines = readFileSync(new URL("../../fixtures/recordings/kv-events-public.jsonl", import.meta.url), "utf8");
  for (const line of lines.split("\n").filter(Boolean)) {
    const { decoded } = JSON.parse(line) as { decoded?: [number, Stored[], number] };
    const stored = decoded?.[1].find(({ type, block_hashes }) => type === "BlockStored" && block_hashes.length === 2);
    if (stored !== undefined) return stored;
  }
  throw new Error("the recording has no such event");
}

/** What differs from run to run. */
function pick({ block_hashes, parent_block_hash, token_ids }: Stored): Partial<Stored> {
  return { block_hashes, parent_block_hash, token_ids };
}
