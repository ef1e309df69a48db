import * as fc from "fast-check";
import { expect, it } from "vitest";
import { mostByChance, upperTail } from "./binomial.ts";
import { boundaries, failureRate, type Design, type Look } from "./sequential.ts";

/** A share as a fraction, so that outcomes can be counted in whole numbers. */
interface Share {
  readonly events: bigint;
  readonly of: bigint;
}

/**
 * Every course that the trials can take, one trial after the other, counted in whole numbers: how many of all fail, pass,
 * and never come to an end.
 */
function enumerate(looks: readonly Look[], { events, of }: Share): Record<"fail" | "pass" | "open", number> {
  const last = looks.at(-1)?.n ?? 0;
  let courses = new Map<number, bigint>([[0, 1n]]);
  const ended = { fail: 0n, pass: 0n };
  for (let trial = 1; trial <= last; trial++) {
    const next = new Map<number, bigint>();
    for (const [count, ways] of courses) {
      next.set(count, (next.get(count) ?? 0n) + ways * (of - events));
      next.set(count + 1, (next.get(count + 1) ?? 0n) + ways * events);
    }
    const look = looks.find(({ n }) => n === trial);
    if (look !== undefined) {
      for (const [count, ways] of next) {
        const verdict = count > look.failAbove ? "fail" : count <= look.passUpTo ? "pass" : undefined;
        if (verdict === undefined) continue;
        ended[verdict] += ways * of ** BigInt(last - trial);
        next.delete(count);
      }
    }
    courses = next;
  }
  const all = of ** BigInt(last);
  const open = [...courses.values()].reduce((sum, ways) => sum + ways, 0n);
  expect(ended.fail + ended.pass + open).toBe(all);
  const share = (ways: bigint): number => Number((ways * 10n ** 30n) / all) / 1e30;
  return { fail: share(ended.fail), pass: share(ended.pass), open: share(open) };
}

const THIRD: Share = { events: 1n, of: 3n };
const NINE_IN_TEN: Share = { events: 9n, of: 10n };
const design = (chance: number, broken: number, missRate = 1e-3): Design => ({
  chance,
  broken,
  looks: 3,
  falsePositiveRate: 1e-6,
  missRate,
});

it("keeps its false-positive rate and its power over every course of 96 trials", () => {
  const looks = boundaries([24, 48, 96], design(1 / 3, 0.9));
  const right = enumerate(looks, THIRD);
  expect(right.fail).toBeGreaterThan(0);
  expect(right.fail).toBeLessThanOrEqual(1e-6);
  expect(right.open).toBe(0);
  const wrong = enumerate(looks, NINE_IN_TEN);
  expect(wrong.pass).toBeLessThanOrEqual(1e-3);
  expect(wrong.fail).toBeCloseTo(failureRate(looks, 0.9, true), 12);
  expect(right.fail).toBeCloseTo(failureRate(looks, 1 / 3, true), 15);
});

it("keeps the rate of a declared exploration, over few trials and over many", () => {
  for (const ns of [
    [6, 12, 24],
    [2, 4, 8],
    [100, 200, 400],
  ]) {
    const looks = boundaries(ns, design(0.01, 0.5, 0.05));
    const right = enumerate(looks, { events: 1n, of: 100n });
    expect(right.fail).toBeLessThanOrEqual(1e-6);
    expect(right.open).toBe(0);
    expect(enumerate(looks, { events: 1n, of: 2n }).pass).toBeLessThanOrEqual(0.05 + 0.5 ** (ns[2] ?? 0) * 1e3);
  }
});

it("holds its rate for any numbers of trials, whichever look is the last one", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 3, maxLength: 3 }),
      fc.integer({ min: 0, max: 9 }),
      fc.integer({ min: 1, max: 6 }),
      (steps, events, exponent) => {
        const [a = 0, b = 0, c = 0] = steps;
        const falsePositiveRate = 10 ** -exponent;
        const looks = boundaries([a, a + b, a + b + c], {
          ...design(events / 10, 0.95),
          falsePositiveRate,
        });
        // Going on after a pass is the worst that can be made of it.
        const neverPasses = looks.map((look) => ({ ...look, passUpTo: -1 }));
        const share = { events: BigInt(events), of: 10n };
        expect(enumerate(neverPasses, share).fail).toBeLessThanOrEqual(falsePositiveRate * (1 + 1e-9));
        expect(enumerate(neverPasses, share).fail).toBeCloseTo(failureRate(looks, events / 10, false), 12);
      },
    ),
  );
});

it("fails on the first event that cannot happen to a right router", () => {
  expect(boundaries([6, 12, 24], design(0, 0.5)).map(({ failAbove }) => failAbove)).toEqual([0, 0, 0]);
});

it("leaves nothing open at the last look, and asks for more at the first one where chance and fault are near", () => {
  const looks = boundaries([100, 200, 400], design(0.01, 0.1, 0.05));
  expect(looks[0]!.passUpTo).toBeLessThan(looks[0]!.failAbove);
  expect(looks[2]!.passUpTo).toBe(looks[2]!.failAbove);
});

it("knows binomial tails to the last digits", () => {
  expect(upperTail(20, 0.5, 20)).toBeCloseTo(2 ** -20, 18);
  expect(upperTail(24, 1 / 3, 24) * 3 ** 24).toBeCloseTo(1, 9);
  expect(upperTail(10, 0, 1)).toBe(0);
  expect(upperTail(10, 1, 10)).toBe(1);
});

it("allows as much as chance explains and no more", () => {
  for (const [n, p] of [
    [40, 1 / 3],
    [240, 0.25],
    [1_000, 0.01],
  ] as const) {
    const bound = mostByChance(n, p);
    expect(upperTail(n, p, bound + 1)).toBeLessThanOrEqual(1e-6);
    expect(upperTail(n, p, bound)).toBeGreaterThan(1e-6);
  }
});
