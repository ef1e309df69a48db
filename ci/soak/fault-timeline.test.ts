import { expect, it } from "vitest";
import { Random } from "../../fixtures/random.ts";
import { checkFault } from "../../mock-pods/faults/fault.ts";
import { faultTimeline } from "./fault-timeline.ts";

const TEN_MINUTES_MS = 600_000;
const timeline = (seed: number, pod = "a6000-0") => faultTimeline(new Random(seed), pod, TEN_MINUTES_MS);

it("is the same for the same seed and pod, and another for another", () => {
  expect(timeline(1)).toEqual(timeline(1));
  expect(timeline(1)).not.toEqual(timeline(2));
  expect(timeline(1)).not.toEqual(timeline(1, "a6000-1"));
});

it("holds faults that a pod takes, one after the other, each over before the run is", () => {
  let endMs = 0;
  for (const fault of timeline(3)) {
    const { fromMs = NaN, untilMs = NaN } = checkFault(fault, "timeline");
    expect(fromMs).toBeGreaterThan(endMs);
    expect(untilMs).toBeGreaterThan(fromMs);
    endMs = untilMs;
  }
  expect(endMs).toBeLessThan(TEN_MINUTES_MS);
});

it("gives a pod every kind of trouble within ten minutes", () => {
  expect(new Set(timeline(1).map(({ kind }) => kind)).size).toBe(13);
});
