/**
 * What a pod's HTTP face costs, beside a floor measured in the same run: a bare `net` server that writes precomputed
 * frames to every socket from one timer. Server and client are apart, so that only the server's CPU is counted.
 */
import { spawn } from "node:child_process";
import { createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { startFleet } from "../../mock-pods/fleet.ts";

const STREAMS = 1000;
const TOKENS = 200;
const REQUESTS = 20_000;
const FLOOR_STEP_MS = 25;
const ROUNDS = 3;

interface Round {
  readonly cpuSeconds: number;
  readonly wallSeconds: number;
}

export async function run(): Promise<void> {
  const rounds: Record<"floor" | "pod" | "small", Round[]> = { floor: [], pod: [], small: [] };
  for (let round = 0; round < ROUNDS; round++) {
    rounds.floor.push(await floorRound());
    rounds.pod.push(await podRound("stream"));
    rounds.small.push(await podRound("small"));
  }
  const perCpuSecond = (kind: Round[], count: number) => Math.round(count / median(kind.map((r) => r.cpuSeconds)));
  const floor = perCpuSecond(rounds.floor, STREAMS * TOKENS);
  const pod = perCpuSecond(rounds.pod, STREAMS * TOKENS);
  console.table({
    "frames per CPU-second, floor": { value: floor },
    "frames per CPU-second, pod": { value: pod },
    "pod to floor": { value: Number((pod / floor).toFixed(2)) },
    "1,000 streams of 200 tokens, wall seconds": { value: median(rounds.pod.map((r) => r.wallSeconds)) },
    "small whole requests per CPU-second": { value: perCpuSecond(rounds.small, REQUESTS) },
    "memory, MB": { value: Math.round(process.memoryUsage().rss / 1e6) },
  });
}

async function podRound(kind: "stream" | "small"): Promise<Round> {
  const flags = { "max-num-seqs": 1024, "num-gpu-blocks-override": 65_536, "max-num-batched-tokens": 65_536 };
  const fleet = await startFleet({ pods: "a6000:1", model: "m", flags, speed: kind === "small" ? 1000 : 6 });
  try {
    return await measured(fleet.pod(0).port, kind);
  } finally {
    await fleet.close();
  }
}

async function floorRound(): Promise<Round> {
  const sockets = new Map<Socket, number>();
  const data = `data: {"id":"cmpl-0123456789abcdef","object":"text_completion","created":1795397128,"model":"m","choices":[{"index":0,"text":" the","logprobs":null,"finish_reason":null,"stop_reason":null,"prompt_token_ids":null,"token_ids":null}]}\n\n`;
  const frame = Buffer.from(`${data.length.toString(16)}\r\n${data}\r\n`);
  const last = Buffer.from(`e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n`);
  const server = createServer((socket) => {
    socket.once("data", () => {
      socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
      sockets.set(socket, 0);
    });
    socket.on("error", () => undefined);
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const timer = setInterval(() => {
    for (const [socket, sent] of sockets) {
      socket.write(frame);
      sockets.set(socket, sent + 1);
      if (sent + 1 < TOKENS) continue;
      socket.write(last);
      sockets.delete(socket);
    }
  }, FLOOR_STEP_MS);
  try {
    return await measured((server.address() as AddressInfo).port, "stream");
  } finally {
    clearInterval(timer);
    server.close();
  }
}

async function measured(port: number, kind: "stream" | "small"): Promise<Round> {
  const cpu = process.cpuUsage();
  const startMs = performance.now();
  const client = spawn(process.execPath, ["-e", CLIENTS[kind], String(port)], { stdio: "inherit" });
  const code = await new Promise<number | null>((ended) => client.once("exit", ended));
  if (code !== 0) throw new Error(`the client failed with ${code}`);
  const { user, system } = process.cpuUsage(cpu);
  return { cpuSeconds: (user + system) / 1e6, wallSeconds: (performance.now() - startMs) / 1000 };
}

const POST = `
const post = (body) => "POST /v1/completions HTTP/1.1\\r\\nHost: x\\r\\ncontent-type: application/json\\r\\ncontent-length: " + body.length + "\\r\\n\\r\\n" + body;
const net = require("node:net");
const port = Number(process.argv[1]);
`;

/** Plain sockets: what they cost is not what is measured. */
const CLIENTS = {
  stream: `${POST}
let open = ${STREAMS};
const request = post(JSON.stringify({ prompt: "Say something.", max_tokens: ${TOKENS}, ignore_eos: true, stream: true }));
for (let i = 0; i < ${STREAMS}; i++) {
  const socket = net.connect(port, "127.0.0.1", () => socket.write(request));
  socket.on("data", (part) => {
    if (!part.includes("[DONE]")) return;
    socket.destroy();
    if (--open === 0) process.exit(0);
  });
}`,
  small: `${POST}
let left = ${REQUESTS};
let open = 0;
const request = post(JSON.stringify({ prompt: "Say something.", max_tokens: 1 }));
for (let i = 0; i < 64; i++) {
  const socket = net.connect(port, "127.0.0.1", next);
  socket.on("data", () => { open--; next(); });
  function next() {
    if (left > 0) { left--; open++; socket.write(request); }
    else if (open === 0) process.exit(0);
  }
}`,
} as const;

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
