import { expect, it } from "vitest";
import type { EngineStats } from "../../mock-pods/engine/engine.ts";
import type { Played, PlayedPod, PlayedRequest } from "./played.ts";
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

function pod(name: string, stats: Partial<EngineStats> = {}): PlayedPod {
  const idle = { running: 0, waiting: 0, kvUsageRatio: 0, freeBlocks: 9, totalBlocks: 9, preemptions: 0 };
  return { name, stats: { ...idle, prefixQueriesTokens: 0, prefixHitsTokens: 0, ...stats } };
}

it("takes percentiles by nearest rank: each is a value that occurred", () => {
  const requests = Array.from({ length: 100 }, (_, index) => request(index, 100 - index));
  const { ttftMs, endToEndMs } = summarise("s", { requests, pods: [pod("pod-0")] });
  expect(ttftMs).toEqual({ p50: 50, p90: 90, p99: 99 });
  expect(endToEndMs).toEqual({ p50: 100, p90: 180, p99: 198 });
});

it("weighs hits by tokens over all pods, and imbalance by the busiest pod's time", () => {
  const played: Played = {
    // pod-0 works from 1000 to 1020 and, after a pause, from 1050 to 1060; pod-1 from 1001 to 1011.
    requests: [request(0, 10), { ...request(1, 5), pod: "pod-1" }, request(2, 3), request(50, 5)],
    pods: [
      pod("pod-0", { prefixQueriesTokens: 900, prefixHitsTokens: 0, preemptions: 2 }),
      pod("pod-1", { prefixQueriesTokens: 100, prefixHitsTokens: 80, preemptions: 1 }),
    ],
  };
  expect(summarise("s", played)).toMatchObject({
    prefixHitRatio: 0.08,
    imbalance: 1.5,
    preemptions: 3,
    durationMs: 60,
  });
});

it("leaves percentiles open when nothing was answered", () => {
  const refused = { ...request(0, NaN), refused: true };
  const { ttftMs, durationMs } = summarise("s", { requests: [refused], pods: [pod("pod-0")] });
  expect(ttftMs).toEqual({ p50: NaN, p90: NaN, p99: NaN });
  expect(durationMs).toBe(0);
});
