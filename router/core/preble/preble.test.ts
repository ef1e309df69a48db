import { describe, expect, it } from "vitest";
import { loadProfile } from "../../../fixtures/profiles/latency-profile.ts";
import type { DecisionRecord } from "../../../fixtures/routing.ts";
import { createFunctionRouter, type ReferenceRouter } from "../function-router.ts";
import { RadixTree } from "../prefix-tree/radix-tree.ts";
import { evictionSeconds } from "./eviction-cost.ts";

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** A router over pods of these cards, and a way to place requests that end at once. */
class Fleet {
  readonly router: ReferenceRouter;
  nowMs = 0;
  #requests = 0;

  constructor(cards: Readonly<Record<string, string>>) {
    this.router = createFunctionRouter({ mode: "preble", seed: 1, tokenizer: { encode: () => [] } });
    this.router.setPods(
      Object.entries(cards).map(([name, gpu]) => ({ name, gpu })),
      0,
    );
  }

  /** Decides; `only` leaves that pod alone as a candidate. */
  send(prompt: number[], { only, waitMs = 10 }: { only?: string; waitMs?: number } = {}): DecisionRecord {
    const requestId = String(this.#requests++);
    const others = new Set(this.router.pods().flatMap(({ name }) => (name === only ? [] : [name])));
    const record = this.router.decide(
      { requestId, model: "m", prompt },
      this.nowMs,
      only === undefined ? new Set() : others,
    );
    this.router.firstToken?.(requestId, this.nowMs + waitMs);
    this.router.finished(requestId, "ok", this.nowMs + waitMs);
    this.nowMs += 1;
    return record;
  }
}

const TWO_A6000 = { a: "a6000", b: "a6000" };

describe("preble", () => {
  it("exploits when more is cached than missing, an exact repeat of an unsplit prompt included", () => {
    const fleet = new Fleet(TWO_A6000);
    fleet.send(range(1, 100), { only: "a" });
    expect(fleet.send(range(1, 100))).toMatchObject({ reason: "prefix", pod: "a" });
    expect(fleet.send([...range(1, 51), ...range(901, 949)])).toMatchObject({ reason: "prefix", pod: "a" });
  });

  it("explores when as much is missing as is cached", () => {
    const fleet = new Fleet(TWO_A6000);
    fleet.send(range(1, 100), { only: "a" });
    expect(fleet.send([...range(1, 50), ...range(901, 950)])).toMatchObject({ reason: "cost", pod: "b" });
  });

  it("asks for the longest node of the path, not for the deepest match", () => {
    const fleet = new Fleet(TWO_A6000);
    // Path: 80 tokens that both hold, then 20 that only a holds, which is by far the busier one.
    fleet.send(range(1, 100), { only: "a" });
    fleet.send(range(1, 80), { only: "b" });
    for (let request = 0; request < 20; request++) fleet.send(range(2000, 2500), { only: "a" });
    expect(fleet.send(range(1, 100))).toMatchObject({ reason: "prefix", pod: "b", matchedTokens: 100 });
  });

  it("prices what is missing on each pod's own card", () => {
    const fleet = new Fleet({ fast: "a6000", slow: "v100" });
    expect(fleet.send(range(1, 4000)).pod).toBe("fast");
  });

  it("counts the work of three minutes and not longer", () => {
    const fleet = new Fleet(TWO_A6000);
    fleet.send(range(1, 100), { only: "a" });
    const [a] = fleet.router.pods();
    if (a === undefined) throw new Error("no pod");
    expect(fleet.router.strategy.recentLoad?.(a).seconds(179_999)).toBeCloseTo(46 * 0.0248, 9);
    expect(fleet.router.strategy.recentLoad?.(a).seconds(180_000)).toBe(0);
  });

  it("charges an eviction by how many recent requests use what goes", () => {
    const tree = new RadixTree({ ttlMs: 1e9, capacityTokens: 1e9 });
    const [popular, unused] = [tree.addHolder("popular"), tree.addHolder("unused")];
    const profile = loadProfile("a6000");
    const prompt = Int32Array.from(range(1, 1000));
    for (let request = 0; request < 4; request++) tree.claim("m", prompt, popular, 0);
    tree.lapse(tree.claim("m", prompt, unused, 0));
    expect(evictionSeconds(profile, popular, 500, 8)).toBeCloseTo(0.1255061 / 2, 6);
    expect(evictionSeconds(profile, unused, 500, 8)).toBe(0);
    expect(evictionSeconds(profile, popular, 0, 8)).toBe(0);
  });

  it("evicts in the mind as much as is needed, the stalest first", () => {
    const tree = new RadixTree({ ttlMs: 1e9, capacityTokens: 1e9 });
    const holder = tree.addHolder("a");
    const profile = loadProfile("a6000");
    for (const first of [1, 1001, 2001]) tree.claim("m", Int32Array.from(range(first, first + 499)), holder, first);
    const one = evictionSeconds(profile, holder, 500, 1);
    expect(one).toBeGreaterThan(0);
    expect(evictionSeconds(profile, holder, 501, 1)).toBeCloseTo(2 * one, 9);
    expect(evictionSeconds(profile, holder, 1e9, 1)).toBeCloseTo(3 * one, 9);
  });

  it("gives new prompts to a pod that mostly decodes, whatever its load", () => {
    const fleet = new Fleet(TWO_A6000);
    for (let request = 0; request < 5; request++) fleet.send(range(1, 500), { only: "a" });
    // Four of five were hits: 80 % of its prompt tokens.
    expect(fleet.send(range(3001, 3500))).toMatchObject({ reason: "cost", pod: "a" });
    fleet.nowMs += 30_000;
    expect(fleet.send(range(4001, 4500)).pod).toBe("b");
  });

  it("moves a hot prefix to the lightest pod above 1.5 times its load, once there is traffic to judge by", () => {
    const fleet = new Fleet(TWO_A6000);
    fleet.send(range(1, 500), { only: "a" });
    for (let request = 0; request < 98; request++) expect(fleet.send(range(1, 500)).pod).toBe("a");
    fleet.send(range(2001, 2500), { only: "b" });
    expect(fleet.send(range(1, 500))).toMatchObject({ reason: "prefix", pod: "b" });
    const loads = (): number[] =>
      fleet.router.pods().map((pod) => fleet.router.strategy.recentLoad?.(pod).seconds(fleet.nowMs) ?? NaN);
    for (let request = 0; request < 150; request++) fleet.send(range(1, 500));
    const [a = NaN, b = NaN] = loads();
    expect(Math.max(a, b) / Math.min(a, b)).toBeLessThan(1.6);
  });

  it("copies a prefix to a second pod when waiting on its only one has doubled", () => {
    const fleet = new Fleet(TWO_A6000);
    fleet.send(range(1, 500), { only: "a", waitMs: 100 });
    fleet.nowMs = 100_000;
    expect(fleet.send(range(1, 500), { waitMs: 199 }).pod).toBe("a");
    fleet.send(range(1, 500), { waitMs: 220 });
    expect(fleet.send(range(1, 500))).toMatchObject({ reason: "prefix", pod: "b" });
    // From now on there are two, and cost chooses.
    expect(
      new Set([fleet.send(range(1, 500)).pod, fleet.send(range(1, 500)).pod, fleet.send(range(1, 500)).pod]),
    ).toContain("b");
  });
});
