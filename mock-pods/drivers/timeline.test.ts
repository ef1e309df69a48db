import * as fc from "fast-check";
import { expect, it } from "vitest";
import { OUTSIDE, Timeline } from "./timeline.ts";

it("runs by time, then lane, then order of planning, whatever the order of planning", () => {
  const plan = fc.record({ dueMs: fc.integer({ min: 0, max: 5 }), lane: fc.integer({ min: OUTSIDE, max: 2 }) });
  fc.assert(
    fc.property(fc.array(plan, { maxLength: 60 }), (plans) => {
      const timeline = new Timeline();
      const ran: { dueMs: number; lane: number; index: number }[] = [];
      for (const [index, { dueMs, lane }] of plans.entries()) {
        timeline.plan(lane, dueMs, () => {
          expect(timeline.nowMs()).toBe(dueMs);
          ran.push({ dueMs, lane, index });
        });
      }
      timeline.runUntil(10);
      const expected = plans
        .map((entry, index) => ({ ...entry, index }))
        .sort((a, b) => a.dueMs - b.dueMs || a.lane - b.lane || a.index - b.index);
      expect(ran).toEqual(expected);
    }),
  );
});

it("a cancelled action does not run, nor does it hold up the time", () => {
  const timeline = new Timeline();
  const ran: string[] = [];
  const cancel = timeline.at(5, () => ran.push("cancelled"));
  timeline.at(9, () => ran.push("kept"));
  cancel();
  expect(timeline.nextDueMs).toBe(9);
  timeline.runUntil(20);
  expect(ran).toEqual(["kept"]);
  expect(timeline.nowMs()).toBe(20);
});

it("what is planned for the past happens now", () => {
  const timeline = new Timeline();
  timeline.runUntil(100);
  timeline.at(50, () => {});
  expect(timeline.nextDueMs).toBe(100);
});
