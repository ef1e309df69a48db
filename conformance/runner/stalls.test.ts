import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { testCase } from "./test-doubles.ts";
import { borneMs, StallWatch, unlessStalled } from "./stalls.ts";

const failed = { verdict: "fail", reason: "request-not-served", detail: "status 503" } as const;

it("makes a failure undecided when the kit stood still for longer than it may, and nothing else", () => {
  expect(unlessStalled(failed, 101, 100)).toEqual({
    verdict: "inconclusive",
    reason: "machine-too-slow",
    detail:
      "the kit itself stood still for 101 ms, more than the 100 ms that this profile leaves it: request-not-served: status 503",
  });
  expect(unlessStalled(failed, 100, 100)).toBe(failed);
  const passed = { verdict: "pass" } as const;
  expect(unlessStalled(passed, 10_000, 100)).toBe(passed);
});

it("may stand still for less where the profile's times are short, or the case goes by the clock", () => {
  const ordinary = testCase("THR-01");
  const byTheClock = testCase("EVI-02", { needs: { transport: "any", clockMs: () => 1_000 } });
  expect(borneMs(ordinary, {})).toBe(5_000);
  expect(borneMs(ordinary, { discovery: { healthMs: 400 } })).toBe(100);
  expect(borneMs(ordinary, { timeouts: { firstByteMs: 600 } })).toBe(300);
  expect(borneMs(ordinary, { insert: { at: "kv-event" } })).toBe(500);
  expect(borneMs(byTheClock, {})).toBe(250);
  const byChanges = testCase("POD-04", { needs: { transport: "http", podChanges: ["add"] } });
  expect(borneMs(byChanges, { discovery: { convergenceMs: 300 } })).toBe(150);
  expect(borneMs(byChanges, { discovery: { convergenceMs: 0 } })).toBe(5_000);
  expect(borneMs(ordinary, { discovery: { convergenceMs: 300 } })).toBe(5_000);
});

it("sees that the event loop was kept busy", async () => {
  const watch = new StallWatch();
  await sleep(20);
  const untilMs = performance.now() + 200;
  while (performance.now() < untilMs);
  await sleep(30);
  expect(watch.end()).toBeGreaterThan(150);
});
