/**
 * The pods' speed, server CPU only: each server is a process of its own (of the package, built anew), and
 * clients are raw sockets in this one. Frames are measured against a floor in the same run, in interleaved rounds.
 */
import { execFileSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { Pool, request } from "undici";
import { parsePrometheusText, sampleValue } from "../../../fixtures/wire/prometheus-text.ts";
import { firstLine } from "../../first-line.ts";
import { median } from "../../median.ts";
import { cpuSeconds, residentBytes, spawnServer } from "../measured-process.ts";

const root = join(import.meta.dirname, "../../..");
const STREAMS = 1_000;
const TOKENS = 200;
const STEP_MS = 25;
/** How the streams are spread. Either way a step takes {@link STEP_MS}. */
const LAYOUTS = [
  // The floor's shape: one batch of all. It takes the card 146 ms a step.
  {
    name: "in one pod",
    pods: 1,
    speed: 146.3 / STEP_MS,
    flags: ["--max-num-seqs", "1000", "--num-gpu-blocks-override", "30000"],
  },
  // A batch of 100 is the card's shortest step. Ten pods wake the clients ten times as often.
  { name: "over ten pods", pods: 10, speed: 1, flags: [] },
];
type Layout = (typeof LAYOUTS)[number];
const ROUNDS = 3;
const SMALL_REQUESTS = 20_000;
const SCRAPES = 500;
const MANY_PODS = 1_000;
const SETTLE_MS = 500;

export async function run(): Promise<void> {
  execFileSync("npm", ["run", "--silent", "build"], { cwd: root, stdio: "inherit" });
  await startUp();
  for (const layout of LAYOUTS) await streams(layout);
  await smallRequests();
}

interface Server {
  readonly process: ChildProcess;
  readonly readyMs: number;
  /** Its first line. */
  readonly line: string;
}

async function start(args: readonly string[]): Promise<Server> {
  const startMs = performance.now();
  const child = spawnServer(process.execPath, args);
  const line = await firstLine(child);
  return { process: child, readyMs: performance.now() - startMs, line };
}

function pods(...args: readonly string[]): Promise<Server> {
  return start([join(root, "dist/ci/routeproof.js"), "pods", ...args]);
}

async function stop({ process: child }: Server): Promise<void> {
  child.kill("SIGKILL");
  await once(child, "exit");
}

/** From process start to all pods listening, and what a pod costs. */
async function startUp(): Promise<void> {
  const rounds: { readyMs: number; listeningMs: number; podBytes: number }[] = [];
  for (let round = 0; round < 5; round++) {
    const one = await pods("--pods", "a6000:1");
    const many = await pods("--pods", `a6000:${MANY_PODS}`);
    // A pod makes its tokenizer's tables once it listens.
    await setTimeout(SETTLE_MS);
    rounds.push({
      readyMs: one.readyMs,
      listeningMs: many.readyMs - one.readyMs,
      podBytes: (residentBytes(many.process) - residentBytes(one.process)) / (MANY_PODS - 1),
    });
    await Promise.all([stop(one), stop(many)]);
  }
  const middle = (value: (round: (typeof rounds)[number]) => number) => median(rounds.map(value));
  print("ready after process start", `${middle(({ readyMs }) => readyMs).toFixed(0)} ms`);
  print(`${MANY_PODS} pods listening, on top of that`, `${middle(({ listeningMs }) => listeningMs).toFixed(0)} ms`);
  print("memory per pod", `${(middle(({ podBytes }) => podBytes) / 1000).toFixed(1)} kB`);
}

/** 1,000 streams of 200 tokens, against the floor. */
async function streams(layout: Layout): Promise<void> {
  const ours = await pods("--pods", `a6000:${layout.pods}`, "--speed", `${layout.speed}`, ...layout.flags);
  const { urls: origins, model } = JSON.parse(ours.line) as { urls: string[]; model: string };
  const urls = origins.map((url) => new URL(url));
  const floor = await start([
    "--import",
    "tsx",
    join(root, "ci/bench/frame-floor.ts"),
    ...[STREAMS, TOKENS, STEP_MS].map(String),
  ]);
  const rounds: { ours: Played; floor: Played; plannedMs: number }[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const floorPlayed = await play(floor, () => ({ port: Number(floor.line), request: "GET / HTTP/1.1\r\n\r\n" }));
    const before = await plannedStreams(urls);
    const oursPlayed = await play(ours, (stream) => {
      const { port } = urls[stream % layout.pods] as URL;
      return { port: Number(port), request: completion({ model, prompt: `stream ${stream}`, stream: true }) };
    });
    const after = await plannedStreams(urls);
    const plannedMs = (after.sumMs - before.sumMs) / (after.count - before.count) / layout.speed;
    // The first round warms up.
    if (round > 0) rounds.push({ ours: oursPlayed, floor: floorPlayed, plannedMs });
  }
  const perCpuSecond = (which: "ours" | "floor") => median(rounds.map((round) => round[which].framesPerCpuSecond));
  print(
    `frames per CPU-second, ${STREAMS} streams ${layout.name}`,
    `${perCpuSecond("ours").toFixed(0)}, the floor ${perCpuSecond("floor").toFixed(0)}`,
  );
  print("  times the floor", (perCpuSecond("ours") / perCpuSecond("floor")).toFixed(2));
  const perRead = (which: "ours" | "floor") => median(rounds.map((round) => round[which].framesPerRead)).toFixed(2);
  // Above 1 somebody was late, and what is written together costs less: such a run flatters.
  print("  frames a read of the client's", `${perRead("ours")}, the floor ${perRead("floor")}`);
  const { ours: last, plannedMs } = rounds.at(-1) as (typeof rounds)[number];
  const { streamMs } = last;
  const meanMs = streamMs.reduce((sum, ms) => sum + ms, 0) / streamMs.length;
  const against = `planned ${plannedMs.toFixed(0)} (${percent(meanMs / plannedMs - 1)})`;
  print("mean stream", `${meanMs.toFixed(0)} ms, ${against}, median ${median(streamMs).toFixed(0)} ms`);
  const late = await Promise.all(urls.map(async (url) => lateP99(await metricsOf(url))));
  print("lateness of a step, 99th percentile", `at most ${late.toSorted((a, b) => a - b).at(-1)} s`);
  print("memory", `${(residentBytes(ours.process) / 1e6).toFixed(0)} MB`);
  await scrapes(ours, urls[0] as URL);
  await Promise.all([stop(ours), stop(floor)]);
}

interface Played {
  readonly framesPerCpuSecond: number;
  readonly framesPerRead: number;
  readonly streamMs: readonly number[];
}

interface Stream {
  /** From the first byte of the body to the last. A stream's head may leave long before: vLLM sends it at once. */
  readonly ms: number;
  readonly reads: number;
}

async function play(server: Server, target: (stream: number) => { port: number; request: string }): Promise<Played> {
  const before = cpuSeconds(server.process);
  const streams = await Promise.all(Array.from({ length: STREAMS }, (_, stream) => readStream(target(stream))));
  const frames = STREAMS * TOKENS;
  return {
    framesPerCpuSecond: frames / (cpuSeconds(server.process) - before),
    framesPerRead: frames / streams.reduce((sum, { reads }) => sum + reads, 0),
    streamMs: streams.map(({ ms }) => ms),
  };
}

function readStream({ port, request }: { port: number; request: string }): Promise<Stream> {
  return new Promise((resolve, reject) => {
    let firstMs = 0;
    let reads = 0;
    let last: Buffer = Buffer.alloc(0);
    const socket = connect({ port, host: "127.0.0.1", noDelay: true }, () => socket.write(request));
    socket.on("error", reject);
    socket.on("data", (piece: Buffer) => {
      const isHeadAlone = reads === 0 && piece.subarray(-END_OF_HEAD.length).equals(END_OF_HEAD);
      reads += 1;
      if (isHeadAlone) return;
      if (firstMs === 0) firstMs = performance.now();
      last = piece;
      if (!last.subarray(-5).equals(END_OF_CHUNKS)) return;
      socket.destroy();
      resolve({ ms: performance.now() - firstMs, reads });
    });
  });
}

const END_OF_HEAD = Buffer.from("\r\n\r\n");
const END_OF_CHUNKS = Buffer.from("0\r\n\r\n");

function completion(body: object): string {
  const payload = JSON.stringify({ max_tokens: TOKENS, ignore_eos: true, ...body });
  const head = ["POST /v1/completions HTTP/1.1", "host: x", "content-type: application/json"];
  return `${[...head, `content-length: ${Buffer.byteLength(payload)}`].join("\r\n")}\r\n\r\n${payload}`;
}

type Page = ReturnType<typeof parsePrometheusText>;

async function metricsOf({ origin }: URL): Promise<Page> {
  const { body } = await request(`${origin}/metrics`);
  return parsePrometheusText(await body.text());
}

/** What the pods themselves say their streams took so far, first token to last, on the plan. */
async function plannedStreams(urls: readonly URL[]): Promise<{ sumMs: number; count: number }> {
  const pages = await Promise.all(urls.map(metricsOf));
  const sum = (suffix: string) =>
    pages.reduce((all, page) => all + (sampleValue(page, `vllm:request_decode_time_seconds_${suffix}`) ?? NaN), 0);
  return { sumMs: sum("sum") * 1000, count: sum("count") };
}

/** In seconds, by the histogram's buckets. */
function lateP99(page: Page): number {
  const late = page.find((family) => family.name === "mock:late_seconds")?.samples ?? [];
  const count = sampleValue(page, "mock:late_seconds_count") ?? NaN;
  const bucket = late.find(({ labels, value }) => labels["le"] !== undefined && value >= 0.99 * count);
  return Number(bucket?.labels["le"] ?? NaN);
}

async function scrapes(server: Server, { origin }: URL): Promise<void> {
  const pool = new Pool(origin, { connections: 1 });
  const before = cpuSeconds(server.process);
  for (let scrape = 0; scrape < SCRAPES; scrape++) {
    const { body } = await pool.request({ path: "/metrics", method: "GET" });
    await body.dump();
  }
  print("a scrape of /metrics", `${(((cpuSeconds(server.process) - before) / SCRAPES) * 1000).toFixed(2)} ms of CPU`);
  await pool.close();
}

/** Whole answers of one token, 64 connections kept alive, with the card's time out of the way. */
async function smallRequests(): Promise<void> {
  const server = await pods("--pods", "a6000:1", "--speed", "1000");
  const { urls, model } = JSON.parse(server.line) as { urls: string[]; model: string };
  const pool = new Pool(urls[0] as string, { connections: 64 });
  const body = JSON.stringify({ model, prompt: "a small request", max_tokens: 1 });
  const send = async (count: number) => {
    let left = count;
    const worker = async (): Promise<void> => {
      while (left-- > 0) {
        const answer = await pool.request({
          path: "/v1/completions",
          method: "POST",
          headers: { "content-type": "application/json" },
          body,
        });
        await answer.body.dump();
      }
    };
    await Promise.all(Array.from({ length: 64 }, worker));
  };
  await send(SMALL_REQUESTS / 4);
  const rates = [];
  for (let round = 0; round < ROUNDS; round++) {
    const before = cpuSeconds(server.process);
    await send(SMALL_REQUESTS);
    rates.push(SMALL_REQUESTS / (cpuSeconds(server.process) - before));
  }
  print("small requests per CPU-second", median(rates).toFixed(0));
  await pool.close();
  await stop(server);
}

function print(what: string, figure: string): void {
  process.stdout.write(`${what.padEnd(52)} ${figure}\n`);
}

function percent(share: number): string {
  return `${share >= 0 ? "+" : ""}${(100 * share).toFixed(2)}%`;
}
