import * as fc from "fast-check";
import { expect, it } from "vitest";
import { chatTrace, sharedPrefixTrace } from "../../fixtures/traces/generate.ts";
import type { Trace } from "../../fixtures/traces/trace.ts";
import { podSettings } from "../../mock-pods/arguments/pod-settings.ts";
import { idealHitRatio } from "./ideal-hits.ts";
import type { Played } from "./played.ts";
import { simulate, type ReplayStrategy } from "./simulate.ts";
import { summarise } from "./summary.ts";

/** Takes the pods in turn, and keeps count of what it was told. */
function inTurn(): ReplayStrategy & { readonly told: { firstTokens: number; ok: number; error: number } } {
  const told = { firstTokens: 0, ok: 0, error: 0 };
  let pods: string[] = [];
  let turn = 0;
  const nothing = { matchedTokens: 0, totalTokens: 0, ratio: 0, threshold: 0, candidates: [] };
  return {
    name: "in-turn",
    told,
    makeRouter: () => ({
      setPods: (next) => void (pods = next.map(({ name }) => name)),
      decide: ({ requestId, model }, atMs) => {
        const pod = pods[turn++ % pods.length] ?? null;
        return { ...nothing, requestId, model, strategy: "in-turn", reason: "load", pod, atMs };
      },
      firstToken: () => void told.firstTokens++,
      finished: (_, outcome) => void told[outcome === "ok" ? "ok" : "error"]++,
      tick: () => {},
    }),
  };
}

function play(trace: Trace, pods: number, flags: Record<string, number> = {}, strategy = inTurn()): Played {
  const settings = podSettings("a6000", "mistralai/Mistral-7B-Instruct-v0.2", flags);
  return simulate({ trace, pods: Array.from({ length: pods }, () => settings), seed: 1 }, strategy);
}

const CHAT = {
  requests: 60,
  perSecond: 4,
  chats: 6,
  turnsPerChat: 5,
  systemTokens: 100,
  messageTokens: 60,
  replyTokens: 40,
};
const TOOLS = { requests: 80, perSecond: 30, groups: 5, prefixTokens: 700, questionTokens: 90, replyTokens: 50 };

it("answers every request once, in causal order, and accounts for all of it", () => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.integer({ min: 1, max: 4 }),
      fc.constantFrom(150, 400, 12_735),
      (seed, pods, blocks) => {
        const trace = sharedPrefixTrace({ ...TOOLS, seed });
        const strategy = inTurn();
        const played = play(trace, pods, { "num-gpu-blocks-override": blocks }, strategy);
        for (const { arrivedMs, firstTokenMs, finishedMs, cachedTokens, promptTokens } of played.requests) {
          expect(firstTokenMs).toBeGreaterThan(arrivedMs);
          expect(finishedMs).toBeGreaterThanOrEqual(firstTokenMs);
          expect(cachedTokens).toBeLessThan(promptTokens);
        }
        expect(played.requests.map(({ arrivedMs }) => arrivedMs)).toEqual(trace.entries.map(({ atMs }) => atMs));
        expect(strategy.told).toEqual({ firstTokens: TOOLS.requests, ok: TOOLS.requests, error: 0 });
        const summary = summarise("in-turn", played);
        const cachedTokens = played.requests.reduce((sum, request) => sum + request.cachedTokens, 0);
        expect(summary.prefixHitRatio).toBeCloseTo(cachedTokens / summary.promptTokens, 12);
        expect(summary.pods.reduce((sum, { requests }) => sum + requests, 0)).toBe(TOOLS.requests);
        expect(summary.imbalance).toBeGreaterThanOrEqual(1);
        expect(summary.imbalance).toBeLessThanOrEqual(pods);
        for (const { busyMs } of summary.pods) expect(busyMs).toBeLessThanOrEqual(summary.durationMs + 1e-6);
      },
    ),
    { numRuns: 15 },
  );
});

it("gives the same run for the same seed", () => {
  const trace = chatTrace({ ...CHAT, seed: 3 });
  expect(JSON.stringify(play(trace, 3))).toBe(JSON.stringify(play(trace, 3)));
});

it("never beats one endless cache, and one big pod in no hurry equals it", () => {
  for (const trace of [
    chatTrace({ ...CHAT, seed: 5, perSecond: 0.05 }),
    sharedPrefixTrace({ ...TOOLS, seed: 5, perSecond: 0.05 }),
  ]) {
    const ideal = idealHitRatio(trace, 16);
    expect(summarise("one", play(trace, 1)).prefixHitRatio).toBeCloseTo(ideal, 12);
    expect(summarise("four", play(trace, 4)).prefixHitRatio).toBeLessThan(ideal);
  }
});

it("finds a chat's replies in the cache at its next turn", () => {
  const trace = chatTrace({ ...CHAT, seed: 2, chats: 1, turnsPerChat: 1000, perSecond: 0.05, requests: 2 });
  const [first, second] = play(trace, 1).requests;
  const saidBefore = (first?.promptTokens ?? NaN) + (first?.replyTokens ?? NaN);
  // The last token produced is never computed, so it is in no block.
  expect(second?.cachedTokens).toBe(Math.floor((saidBefore - 1) / 16) * 16);
});

it("refuses what is longer than a pod's context, as vLLM does, and tells the router", () => {
  const trace = sharedPrefixTrace({ ...TOOLS, seed: 1, requests: 4 });
  const strategy = inTurn();
  const played = play(trace, 2, { "max-model-len": 100 }, strategy);
  expect(summarise("in-turn", played)).toMatchObject({ requests: 4, refused: 4, prefixHitRatio: 0 });
  expect(strategy.told).toEqual({ firstTokens: 0, ok: 0, error: 4 });
});

it("shows a strategy the pods' insides", () => {
  const trace = sharedPrefixTrace({ ...TOOLS, seed: 1, requests: 3, groups: 1, perSecond: 0.1 });
  const seen: (number | undefined)[][] = [];
  const { makeRouter } = inTurn();
  play(
    trace,
    1,
    {},
    {
      ...inTurn(),
      makeRouter: (seed, lookAtPod) => {
        const router = makeRouter(seed, lookAtPod);
        return {
          ...router,
          decide: (request, nowMs) => {
            const pod = lookAtPod("pod-0");
            const held = pod?.heldPrefixTokens(request.prompt as Int32Array, {});
            seen.push([held, pod?.kvUsageRatio, pod?.pendingPrefillTokens]);
            return router.decide(request, nowMs);
          },
        };
      },
    },
  );
  expect(seen).toEqual([
    [0, 0, 0],
    [688, 0, 0],
    [688, 0, 0],
  ]);
});
