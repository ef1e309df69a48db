import { expect, it } from "vitest";
import type { EngineStats } from "../../mock-pods/engine/engine.ts";
import type { Played, PlayedPod, PlayedRequest } from "./simulate.ts";
import { summarise } from "./summary.ts";

function request(index: number, ttftMs: number): PlayedRequest {
  return {
    requestId: `r${index}`,
    pod: "pod-0",
    reason: "load",
    promptTokens: 100,
    replyTokens: 5,
    refused: false,
    arrivedMs: 1000 + index,
    cachedTokens: 0,
    firstTokenMs: 1000 + index + ttftMs,
    finishedMs: 1000 + index + 2 * ttftMs,
  };
}

function pod(name: string, busyMs: number, stats: Partial<EngineStats> = {}): PlayedPod {
  const idle = { running: 0, waiting: 0, kvUsageRatio: 0, freeBlocks: 9, totalBlocks: 9, preemptions: 0 };
  return { name, requests: 1, busyMs, stats: { ...idle, prefixQueriesTokens: 0, prefixHitsTokens: 0, ...stats } };
}

it("takes percentiles by nearest rank: each is a value that occurred", () => {
  const requests = Array.from({ length: 100 }, (_, index) => request(index, 100 - index));
  const { ttftMs, endToEndMs } = summarise("s", { requests, pods: [pod("pod-0", 1)] });
  expect(ttftMs).toEqual({ p50: 50, p90: 90, p99: 99 });
  expect(endToEndMs).toEqual({ p50: 100, p90: 180, p99: 198 });
});

it("weighs hits by tokens over all pods, and imbalance by the busiest pod's time", () => {
  const played: Played = {
    requests: [request(0, 10)],
    pods: [
      pod("pod-0", 30, { prefixQueriesTokens: 900, prefixHitsTokens: 0, preemptions: 2 }),
      pod("pod-1", 10, { prefixQueriesTokens: 100, prefixHitsTokens: 80, preemptions: 1 }),
    ],
  };
  expect(summarise("s", played)).toMatchObject({
    prefixHitRatio: 0.08,
    imbalance: 1.5,
    preemptions: 3,
    durationMs: 20,
  });
});

it("leaves percentiles open when nothing was answered", () => {
  const refused = { ...request(0, NaN), refused: true };
  const { ttftMs, durationMs } = summarise("s", { requests: [refused], pods: [pod("pod-0", 0)] });
  expect(ttftMs).toEqual({ p50: NaN, p90: NaN, p99: NaN });
  expect(durationMs).toBe(0);
});
