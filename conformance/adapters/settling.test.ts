import { expect, it } from "vitest";
import { Settling } from "./settling.ts";

it("counts the time since a start or since a pod came, whichever lasts longer", () => {
  let nowMs = 1_000;
  const settling = new Settling({ afterStartMs: 100, afterAddMs: 30, why: "polls" }, () => nowMs);
  expect(settling.leftMs()).toBe(0);
  settling.started();
  nowMs += 60;
  expect(settling.leftMs()).toBe(40);
  settling.podsCame();
  expect(settling.leftMs()).toBe(40);
  nowMs += 35;
  settling.podsCame();
  expect(settling.leftMs()).toBe(30);
  nowMs += 31;
  expect(settling.leftMs()).toBe(0);
});

it("is over at once where nothing is declared", () => {
  const settling = new Settling(undefined, () => 5);
  settling.started();
  settling.podsCame();
  expect(settling.leftMs()).toBe(0);
});
