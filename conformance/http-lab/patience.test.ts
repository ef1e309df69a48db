import { expect, it } from "vitest";
import { Patience } from "./patience.ts";

const HANG = "request-not-forwarded";

it("waits in full, and for the longest time that is claimed besides, until a router has left three hanging", () => {
  const patience = new Patience();
  const claims = { discovery: { convergenceMs: 2_000, healthMs: 500 }, recoveryMs: 3_000 };
  expect([patience.ms(HANG, {}), patience.ms(HANG, claims)]).toEqual([11_000, 13_000]);
  for (let times = 0; times < 2; times++) patience.wasInVain(HANG);
  expect(patience.ms(HANG, claims)).toBe(13_000);
  expect(patience.isSpent).toBe(false);
  patience.wasInVain(HANG);
  expect(patience.ms(HANG, claims)).toBe(500);
  expect(patience.isSpent).toBe(true);
});

it("keeps one kind of hanging from the other, and a case's own time until answers stay away", () => {
  const patience = new Patience();
  for (let times = 0; times < 3; times++) patience.wasInVain(HANG);
  expect(patience.ms("request-not-answered", {})).toBe(16_000);
  expect(patience.granted(30_000)).toBe(30_000);
  for (let times = 0; times < 3; times++) patience.wasInVain("request-not-answered");
  expect([patience.granted(30_000), patience.granted(400)]).toEqual([2_000, 400]);
});

it("waits for the first answer of a router that was started anew as long as it may yet serve, and judges what it is asked in full", () => {
  const patience = new Patience();
  expect(patience.ms("first-answer", {})).toBe(16_000);
  for (let times = 0; times < 3; times++) patience.wasInVain("first-answer");
  expect(patience.ms("first-answer", {})).toBe(500);
  expect(patience.ms(HANG, {})).toBe(11_000);
  expect(patience.isSpent).toBe(false);
});
