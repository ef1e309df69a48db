/**
 * The proxy around the decision: requests and stream frames per second of its own processor time, against a bare
 * pass-through, and the latency it adds to a direct call. Rounds are interleaved; each figure is the median over rounds.
 *
 * With SGLANG_ROUTER naming the executable of that router, it runs beside ours (`ci/bench/beside-sglang-router.sh` fetches it).
 */
import type { ChildProcess } from "node:child_process";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Pool } from "undici";
import { firstLine } from "../../first-line.ts";
import { cpuSeconds, residentBytes, spawnServer } from "../measured-process.ts";

const ROUNDS = 3;
const SMALL = { requests: 5000, concurrency: 32, promptChars: 400, distinctPrompts: 256 };
const STREAMS = { streams: 200, tokens: 100 };
const CROWD = { streams: 2000, tokens: 20 };
const PAIRS = 1000;

interface Contender {
  readonly name: string;
  readonly url: string;
  readonly process: ChildProcess;
  readonly smallPerCpuSecond: number[];
  readonly framesPerCpuSecond: number[];
  readonly addedMs: number[];
}

export async function run(): Promise<void> {
  const started: ChildProcess[] = [];
  try {
    await compare(started);
  } finally {
    for (const child of started) child.kill("SIGKILL");
  }
}

async function compare(started: ChildProcess[]): Promise<void> {
  const script = (name: string): string => join(import.meta.dirname, "proxy", name);
  const pods = start(started, process.execPath, [script("pods.ts")]);
  const { urls } = JSON.parse(await firstLine(pods)) as { urls: string[] };
  const contenders: Contender[] = [];
  const enter = (name: string, url: string, child: ChildProcess): void =>
    void contenders.push({ name, url, process: child, smallPerCpuSecond: [], framesPerCpuSecond: [], addedMs: [] });

  const bare = start(started, process.execPath, [script("pass-through.ts"), ...urls]);
  enter("pass-through", (JSON.parse(await firstLine(bare)) as { url: string }).url, bare);
  for (const strategy of ["prefix-cache-and-load", "round-robin"]) {
    const command = join(import.meta.dirname, "../../routeproof.ts");
    const flags = ["--backends", urls.join(), "--strategy", strategy, "--port", "0", "--log-level", "warn"];
    const child = start(started, process.execPath, [command, "router", ...flags]);
    enter(`routeproof ${strategy}`, (JSON.parse(await firstLine(child)) as { url: string }).url, child);
  }
  const sglang = process.env["SGLANG_ROUTER"];
  if (sglang !== undefined) {
    const [port, metrics] = [await freePort(), await freePort()];
    const where = ["--host", "127.0.0.1", "--port", `${port}`, "--prometheus-host", "127.0.0.1"];
    const what = ["--prometheus-port", `${metrics}`, "--policy", "cache_aware", "--worker-urls", ...urls];
    const child = start(started, sglang, ["launch", ...where, ...what]);
    // It logs there, and would stop when nobody reads.
    child.stdout?.resume();
    const url = `http://127.0.0.1:${port}`;
    await untilReady(`${url}/readiness`);
    enter("sglang-router cache_aware", url, child);
  }

  for (let round = 0; round <= ROUNDS; round++) {
    for (const contender of contenders) {
      const small = await perCpuSecond(contender, () => smallRequests(contender.url));
      const frames = await perCpuSecond(contender, () => streams(contender.url, STREAMS));
      const added = await addedLatency(urls[0] ?? "", contender.url);
      if (round === 0) continue;
      contender.smallPerCpuSecond.push(small);
      contender.framesPerCpuSecond.push(frames);
      contender.addedMs.push(...added);
    }
  }
  const [floor] = contenders as [Contender];
  console.table(
    Object.fromEntries(
      contenders.map(({ name, smallPerCpuSecond, framesPerCpuSecond, addedMs }) => [
        name,
        {
          "requests per CPU s": Math.round(quantile(smallPerCpuSecond, 0.5)),
          "vs floor": ratio(smallPerCpuSecond, floor.smallPerCpuSecond),
          "frames per CPU s": Math.round(quantile(framesPerCpuSecond, 0.5)),
          "vs floor ": ratio(framesPerCpuSecond, floor.framesPerCpuSecond),
          "added ms p50": Number(quantile(addedMs, 0.5).toFixed(2)),
          "added ms p99": Number(quantile(addedMs, 0.99).toFixed(2)),
        },
      ]),
    ),
  );

  for (const { name, url, process: child } of contenders) {
    const before = residentMb(child);
    const frames = await streams(url, CROWD);
    const expected = CROWD.streams * (CROWD.tokens + 1);
    console.log(
      `${name}: ${CROWD.streams} streams at once, ${frames} of ${expected} frames, resident ${before} -> ${residentMb(child)} MB`,
    );
  }
}

function start(started: ChildProcess[], command: string, argv: readonly string[]): ChildProcess {
  const child = spawnServer(command, argv);
  started.push(child);
  return child;
}

async function perCpuSecond(contender: Contender, work: () => Promise<number>): Promise<number> {
  const before = cpuSeconds(contender.process);
  const done = await work();
  return done / (cpuSeconds(contender.process) - before);
}

const residentMb = (child: ChildProcess): number => Math.round(residentBytes(child) / 2 ** 20);

const WORDS = "the quick brown fox jumps over a lazy dog while some router decides which pod serves these tokens".split(
  " ",
);
const PROMPTS = Array.from({ length: SMALL.distinctPrompts }, (_, seed) => {
  let text = `prompt ${seed}`;
  for (let state = seed + 1; text.length < SMALL.promptChars;) {
    state = (state * 1103515245 + 12345) & 0x7fffffff;
    text += ` ${WORDS[state % WORDS.length]}`;
  }
  return text;
});

const completion = (index: number, maxTokens: number, stream: boolean): string =>
  JSON.stringify({
    model: "m",
    prompt: PROMPTS[index % PROMPTS.length],
    max_tokens: maxTokens,
    ...(stream ? { stream } : {}),
  });

function post(pool: Pool, body: string): ReturnType<Pool["request"]> {
  return pool.request({
    path: "/v1/completions",
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
}

async function smallRequests(url: string): Promise<number> {
  const pool = new Pool(url, { connections: SMALL.concurrency });
  let next = 0;
  const client = async (): Promise<void> => {
    while (next < SMALL.requests) {
      const { statusCode, body } = await post(pool, completion(next++, 4, false));
      await body.text();
      if (statusCode !== 200) throw new Error(`${url} answered ${statusCode}`);
    }
  };
  await Promise.all(Array.from({ length: SMALL.concurrency }, client));
  await pool.close();
  return SMALL.requests;
}

/** Opens all at once and returns the number of frames received. */
async function streams(
  url: string,
  { streams, tokens }: { readonly streams: number; readonly tokens: number },
): Promise<number> {
  const pool = new Pool(url, { connections: streams });
  let frames = 0;
  await Promise.all(
    Array.from({ length: streams }, async (_, index) => {
      const { statusCode, body } = await post(pool, completion(index, tokens, true));
      if (statusCode !== 200) throw new Error(`${url} answered ${statusCode}`);
      for await (const chunk of body) frames += (chunk as Buffer).toString("latin1").split("\n\n").length - 1;
    }),
  );
  await pool.close();
  return frames;
}

/** Milliseconds by which each of a pair through the proxy took longer than its twin sent straight to a pod. */
async function addedLatency(podUrl: string, url: string): Promise<number[]> {
  const [direct, routed] = [new Pool(podUrl, { connections: 1 }), new Pool(url, { connections: 1 })];
  const timed = async (pool: Pool, index: number): Promise<number> => {
    const startMs = performance.now();
    const { body } = await post(pool, completion(index, 4, false));
    await body.text();
    return performance.now() - startMs;
  };
  const added: number[] = [];
  for (let index = 0; index < PAIRS; index++) {
    const directMs = await timed(direct, index);
    added.push((await timed(routed, index)) - directMs);
  }
  await Promise.all([direct.close(), routed.close()]);
  return added;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}

function ratio(values: readonly number[], floor: readonly number[]): number {
  return Number((quantile(values, 0.5) / quantile(floor, 0.5)).toFixed(2));
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function untilReady(url: string): Promise<void> {
  const { origin, pathname } = new URL(url);
  const pool = new Pool(origin);
  for (let attempt = 0; attempt < 300; attempt++) {
    try {
      const { statusCode, body } = await pool.request({ path: pathname, method: "GET" });
      await body.dump();
      if (statusCode === 200) return await pool.close();
    } catch {
      // Not listening yet.
    }
    await sleep(100);
  }
  throw new Error(`${url} was not ready within 30 s`);
}
