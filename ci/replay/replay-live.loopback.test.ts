import { expect, it } from "vitest";
import { idealHitRatio } from "../../conformance/replay/ideal-hits.ts";
import { playLive } from "../../conformance/replay/play-live.ts";
import { simulate } from "../../conformance/replay/simulate.ts";
import { summarise } from "../../conformance/replay/summary.ts";
import { sharedPrefixTrace } from "../../fixtures/traces/generate.ts";
import { podSettings } from "../../mock-pods/arguments/pod-settings.ts";
import { replayStrategy } from "./replay-strategies.ts";

const MODEL = "mock-model";
const TRACE = sharedPrefixTrace({
  seed: 1,
  requests: 40,
  perSecond: 2,
  groups: 4,
  prefixTokens: 640,
  questionTokens: 60,
  replyTokens: 12,
});

it("plays a trace over sockets to the hits that virtual time foresees", async () => {
  const strategy = replayStrategy("round-robin");
  const flags = { "enable-prompt-tokens-details": true };
  const live = await playLive(
    { trace: TRACE, fleet: { pods: "a6000:2", model: MODEL, flags }, seed: 1, speed: 20 },
    strategy,
  );
  for (const { arrivedMs, firstTokenMs, finishedMs, refused } of live.requests) {
    expect(refused).toBe(false);
    expect(firstTokenMs).toBeGreaterThan(arrivedMs);
    expect(finishedMs).toBeGreaterThanOrEqual(firstTokenMs);
  }
  const summary = summarise("live", live);
  // Turns send the same requests to the same pods, and gaps of half a second let each be done before the next.
  const pods = [podSettings("a6000", MODEL, flags), podSettings("a6000", MODEL, flags)];
  const simulated = summarise("simulated", simulate({ trace: TRACE, pods, seed: 1 }, strategy));
  expect(summary.pods.map(({ requests }) => requests)).toEqual([20, 20]);
  expect(summary.prefixHitRatio).toBeCloseTo(simulated.prefixHitRatio, 1);
  expect(summary.prefixHitRatio).toBeLessThan(idealHitRatio(TRACE, 16));
  expect(summary.prefixHitRatio).toBeCloseTo(
    live.requests.reduce((sum, { cachedTokens }) => sum + cachedTokens, 0) / summary.promptTokens,
    12,
  );
});

it("counts prompts that are too long as refused, and goes on", async () => {
  const { requests } = await playLive(
    { trace: TRACE, fleet: { pods: "a6000:1", model: MODEL, flags: { "max-model-len": 700 } }, seed: 1, speed: 100 },
    replayStrategy("round-robin"),
  );
  const tooLong = requests.filter(({ promptTokens }) => promptTokens >= 700);
  expect(tooLong.length).toBeGreaterThan(0);
  expect(tooLong.length).toBeLessThan(requests.length);
  expect(requests.filter(({ refused }) => refused)).toEqual(tooLong);
});
