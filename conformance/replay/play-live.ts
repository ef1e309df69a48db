/**
 * Plays a trace over sockets: mock pods in real time (times `speed`), a router in front of them, one client that keeps the
 * trace's arrival times whatever the answers do. Measured at the client, so it holds the router's own cost too.
 */
import { once } from "node:events";
import { Pool } from "undici";
import { RealClock } from "../../fixtures/clock.ts";
import { tokensIn, type Trace, type TraceEntry } from "../../fixtures/traces/trace.ts";
import { EventParser } from "../../fixtures/wire/server-sent-events.ts";
import { startFleet } from "../../mock-pods/fleet/fleet.ts";
import type { Fleet, FleetOptions } from "../../mock-pods/pod/pod.ts";
import type { PodAddress } from "../adapters/router-under-test.ts";
import type { Played, PlayedRequest } from "./played.ts";
import { promptText } from "./prompt-text.ts";

/** A router that can be started in front of pods. */
export interface LiveRouter {
  readonly name: string;
  readonly start: (pods: readonly PodAddress[], seed: number) => Promise<StartedRouter>;
}

export interface StartedRouter {
  readonly url: string;
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly close: () => Promise<void>;
}

export interface LiveReplay {
  readonly trace: Trace;
  readonly fleet: FleetOptions;
  readonly seed: number;
  readonly speed: number;
}

/** A fresh, cold fleet for the run; `onProgress` hears how many requests were sent. */
export async function playLive(
  { trace, fleet: fleetOptions, seed, speed }: LiveReplay,
  router: LiveRouter,
  onProgress?: (sent: number) => void,
): Promise<Played> {
  const fleet = await startFleet({ ...fleetOptions, speed, seed });
  try {
    const started = await router.start(
      fleet.pods.map(({ name, url, profile }) => ({ name, url, gpu: profile })),
      seed,
    );
    try {
      const requests = await sendAll(trace, started, fleet, speed, onProgress);
      return { requests, pods: fleet.pods.map((pod) => ({ name: pod.name, stats: pod.stats() })) };
    } finally {
      await started.close();
    }
  } finally {
    await fleet.close();
  }
}

async function sendAll(
  trace: Trace,
  router: StartedRouter,
  fleet: Fleet,
  speed: number,
  onProgress?: (sent: number) => void,
): Promise<PlayedRequest[]> {
  const clock = new RealClock(speed);
  const pool = new Pool(router.url, { headersTimeout: 0, bodyTimeout: 0 });
  const model = fleet.pods[0]?.model ?? "";
  const startMs = clock.nowMs() - (trace.entries[0]?.atMs ?? 0);
  const answers: Promise<PlayedRequest>[] = [];
  // The clock's timers keep no process alive, and between two arrivals there may be nothing else.
  const alive = setInterval(() => {}, 1000);
  try {
    for (const [index, entry] of trace.entries.entries()) {
      const dueMs = startMs + entry.atMs;
      if (clock.nowMs() < dueMs) await new Promise<void>((due) => clock.at(dueMs, due));
      answers.push(
        send(entry, { id: `r${index}`, model, headers: router.headers }, pool, () => clock.nowMs() - startMs),
      );
      onProgress?.(index + 1);
    }
    const played = await Promise.all(answers);
    // Not every router hands on the pod's header.
    const podOf = new Map(fleet.journal().map(({ requestId, pod }) => [requestId, pod]));
    return played.map((request) => ({ ...request, pod: request.pod ?? podOf.get(request.requestId) ?? null }));
  } finally {
    clearInterval(alive);
    await pool.destroy();
  }
}

async function send(
  entry: TraceEntry,
  { id: requestId, model, headers }: { id: string; model: string; headers: StartedRouter["headers"] },
  pool: Pool,
  nowMs: () => number,
): Promise<PlayedRequest> {
  const request = {
    requestId,
    promptTokens: tokensIn(entry.prompt),
    replyTokens: entry.reply[1],
    arrivedMs: nowMs(),
    cachedTokens: 0,
    firstTokenMs: NaN,
    finishedMs: NaN,
  };
  try {
    const response = await pool.request({
      path: "/v1/completions",
      method: "POST",
      headers: { ...headers, "content-type": "application/json", "x-request-id": requestId },
      body: JSON.stringify({
        model,
        prompt: promptText(entry.prompt),
        max_tokens: request.replyTokens,
        ignore_eos: true,
        stream: true,
        stream_options: { include_usage: true },
      }),
    });
    const refused = response.statusCode !== 200;
    if (refused) await response.body.dump();
    else await readStream(response.body, request, nowMs);
    const pod = response.headers["x-inference-pod"];
    return { ...request, pod: typeof pod === "string" ? pod : null, refused };
  } catch {
    // The router hung up or never answered: for a replay that is one more refusal.
    return { ...request, pod: null, refused: true };
  }
}

interface Usage {
  readonly usage?: { readonly prompt_tokens_details?: { readonly cached_tokens?: number } | null } | null;
}

async function readStream(
  body: NodeJS.ReadableStream,
  request: { cachedTokens: number; firstTokenMs: number; finishedMs: number },
  nowMs: () => number,
): Promise<void> {
  const parser = new EventParser();
  body.on("data", (bytes: Buffer) => {
    for (const data of parser.push(bytes)) {
      if (Number.isNaN(request.firstTokenMs)) request.firstTokenMs = nowMs();
      if (!data.includes('"prompt_tokens_details"')) continue;
      request.cachedTokens = (JSON.parse(data) as Usage).usage?.prompt_tokens_details?.cached_tokens ?? 0;
    }
  });
  await once(body, "end");
  request.finishedMs = nowMs();
}
