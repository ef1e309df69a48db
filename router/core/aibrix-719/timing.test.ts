/** The timing cases X1 to X8 that the merged code was run with. */
import { describe, expect, it } from "vitest";
import type { DecisionStep } from "../decision-trace/decision-trace.ts";
import { playDecisions, type DecisionResult } from "../decision-trace/play-decisions.ts";
import { AibrixTree } from "./aibrix-tree.ts";
import { Histogram } from "./histogram.ts";

const range = (from: number, to: number): Int32Array => Int32Array.from({ length: to - from + 1 }, (_, i) => from + i);

function step(tokens: DecisionStep["tokens"], atMs: number, picked?: string): DecisionStep {
  return { model: "m", ...(tokens && { tokens }), ready: ["a", "b", "c"], atMs, ...(picked && { picked }) };
}

function last(...steps: DecisionStep[]): DecisionResult {
  const results = playDecisions(
    { id: "X", steps },
    { mode: "aibrix-719", gpu: "v100", tokenizer: { encode: () => [] } },
  );
  return [...results].at(-1) as DecisionResult;
}

describe("the merged code in time", () => {
  it("X1: an entry a moment short of three minutes stays at the sweep, one of three minutes goes", () => {
    for (const [ageMs, requests] of [
      [180_000 - 1e-6, 1],
      [180_000, 0],
    ] as const) {
      const histogram = new Histogram();
      const { node } = new AibrixTree().insert(range(1, 100), "m", 0);
      histogram.add(node, 0);
      histogram.expire(ageMs);
      expect(histogram.requestsAt(node)).toBe(requests);
    }
  });

  it("X2: a node untouched for a little under five minutes stays, for a little over goes", () => {
    const tree = new AibrixTree();
    tree.insert(range(1, 100), "m", 0);
    expect(tree.evict(300_000 - 50).size).toBe(0);
    expect(tree.evict(300_000).size).toBe(0);
    expect(tree.evict(300_000 + 1).size).toBe(1);
  });

  it("X3: three and a half minutes later the owner still owns, though nobody has any load", () => {
    const repeat = last(step([[1, 100]], 0, "a"), step([[1, 100]], 210_000));
    expect(repeat).toMatchObject({ branch: "prefix", allowed: ["a"], loads: { a: 0, b: 0, c: 0 } });
  });

  it("X4: three and a half minutes later an unrelated prompt goes anywhere", () => {
    const unrelated = last(step([[1, 100]], 0, "a"), step([[501, 600]], 210_000));
    expect(unrelated).toMatchObject({ branch: "cost", allowed: ["a", "b", "c"] });
  });

  it("X5: five minutes and two seconds later a repeat goes anywhere, and nothing matches", () => {
    const repeat = last(step([[1, 100]], 0, "a"), step([[1, 100]], 302_000));
    expect(repeat).toMatchObject({ branch: "cost", matchedTokens: 0, allowed: ["a", "b", "c"] });
  });

  it("X6: the shared prefix of an expired and a live branch has lost its pod", () => {
    const expired = step([[1, 5]], 0, "a");
    const live = step(
      [
        [1, 3],
        [8, 9],
      ],
      100_000,
      "a",
    );
    expect(last(expired, live, step([[1, 3]], 301_000)).branch).toBe("cost");
    expect(
      last(
        expired,
        live,
        step(
          [
            [1, 3],
            [8, 9],
          ],
          301_000,
        ),
      ),
    ).toMatchObject({ branch: "prefix", allowed: ["a"] });
  });

  it("X7: requests of a node without pods are counted after four minutes", () => {
    const tree = new AibrixTree();
    const histogram = new Histogram();
    const { node } = tree.insert(range(1, 100), "m", 0);
    for (let request = 0; request < 5; request++) histogram.add(node, 0);
    tree.keepPods(new Set(["b"]));
    histogram.dropEntriesWithoutPods();
    histogram.expire(240_000);
    expect(histogram.requestsAt(node)).toBe(5);
  });

  it("X8: a request from before a split leaves with lengths from after it", () => {
    const unrelated = last(
      step([[1, 100]], 0, "a"),
      step([[1, 100]], 100_000, "a"),
      step([[1, 60]], 100_001, "b"),
      step([[501, 600]], 181_000, "c"),
    );
    // 40 tokens left of 100 once counted whole: hit -60 of 100, a miss rate of 1.6. And the upper node, listed with it.
    expect(unrelated.costsBeforeSeconds["a"]).toBeCloseTo(6.75 + 1.6 * 0.062 + 6.812, 9);
  });

  it("sweeps at full seconds: what is three minutes old in between still counts", () => {
    const old = step([[1, 100]], 100, "a");
    expect(last(old, step([[501, 600]], 180_900)).allowed).toEqual(["b", "c"]);
    expect(last(old, step([[501, 600]], 181_000)).allowed).toEqual(["a", "b", "c"]);
  });

  it("leaves the depth of a split child stale", () => {
    const tree = new AibrixTree();
    const { node: lower } = tree.insert(range(1, 100), "m", 0);
    const { node: fresh } = tree.insert(Int32Array.from([...range(1, 60), ...range(201, 240)]), "m", 0);
    expect([lower.depth, lower.parent?.depth, fresh.depth]).toEqual([1, 1, 2]);
    expect([lower.contextTokens, lower.key.length]).toEqual([100, 40]);
  });
});
