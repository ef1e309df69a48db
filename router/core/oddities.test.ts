/**
 * Every oddity of the merged code that can be seen in a decision: kept in `aibrix-719`, mended in `corrected`.
 *
 * Left out, because nothing that is decided shows them: entries twice in a list of evicted nodes, races between locks, a
 * counter nobody reads, the time taken by printing the tree. That only the first chat message counts is a matter of the
 * text that the shell hands over. Ties broken by Go's map order are drawn from a seed here; the set that ties is the same.
 */
import { describe, expect, it } from "vitest";
import { createFunctionRouter } from "./function-router.ts";
import type { DecisionStep } from "./decision-trace/decision-trace.ts";
import type { Mode } from "./options.ts";
import { playDecisions, type DecisionResult } from "./decision-trace/play-decisions.ts";

type Tokens = NonNullable<DecisionStep["tokens"]>;

const HUNDRED: Tokens = [[1, 100]];
const OTHER: Tokens = [[501, 600]];

/** A step of model `m`; `ready` and `picked` are pods of one letter. */
function step(tokens: Tokens, ready: string, picked?: string, more: Partial<DecisionStep> = {}): DecisionStep {
  return { model: "m", tokens, ready: ready.split(""), ...(picked === undefined ? {} : { picked }), ...more };
}

function play(mode: Mode, steps: DecisionStep[]): DecisionResult[] {
  return [...playDecisions({ id: "oddity", steps }, { mode, gpu: "v100", tokenizer: { encode: () => [] } })];
}

function last(mode: Mode, ...steps: DecisionStep[]): DecisionResult {
  return play(mode, steps).at(-1) as DecisionResult;
}

interface Oddity {
  readonly number: number;
  readonly merged: string;
  readonly mended: string;
  readonly steps: readonly DecisionStep[];
  readonly expectMerged: Partial<DecisionResult>;
  readonly expectMended: Partial<DecisionResult>;
}

const ODDITIES: readonly Oddity[] = [
  {
    number: 1,
    merged: "370 tokens cost less than 10, as the prefill curve is negative there",
    mended: "370 tokens cost more than 10",
    steps: [step([[1001, 1370]], "ab", "a"), step([[2001, 2010]], "ab", "b"), step(OTHER, "ab")],
    expectMerged: { branch: "cost", allowed: ["a"] },
    expectMended: { branch: "cost", allowed: ["b"] },
  },
  {
    number: 2,
    merged: "ten requests for one prompt cost less than two for different ones",
    mended: "every request costs its own decode",
    steps: [
      ...Array.from({ length: 10 }, () => step(HUNDRED, "ab", "a")),
      step([[1001, 1010]], "ab", "b"),
      step([[2001, 2010]], "ab", "b"),
      step(OTHER, "ab"),
    ],
    expectMerged: { branch: "cost", allowed: ["a"] },
    expectMended: { branch: "cost", allowed: ["b"] },
  },
  {
    number: 5,
    merged: "a request of another model, whose pods are others, wipes this one's",
    mended: "a request of another model changes nothing",
    steps: [step(HUNDRED, "ab", "a"), step([[5001, 5100]], "xy", "x", { model: "n" }), step(HUNDRED, "ab")],
    expectMerged: { branch: "cost", allowed: ["a", "b"] },
    expectMended: { branch: "prefix", allowed: ["a"], matchedTokens: 100 },
  },
  {
    number: 6,
    merged: "what another model's pods hold counts as matched",
    mended: "only what ready pods of this model hold counts as matched",
    steps: [step(HUNDRED, "ab", "a"), step(HUNDRED, "ab", undefined, { model: "n" })],
    expectMerged: { branch: "cost", matchedTokens: 100, allowed: ["b"] },
    expectMended: { branch: "cost", matchedTokens: 0, allowed: ["b"] },
  },
  {
    number: 7,
    merged: "with the owner gone, the root's pods are asked and the idle new pod is not",
    mended: "with the owner gone, cost decides and the idle pod gets it",
    steps: [step(HUNDRED, "abc", "a"), step(OTHER, "abc", "b"), step(HUNDRED, "bc")],
    expectMerged: { branch: "prefix", allowed: ["b"], matchedTokens: 100 },
    expectMended: { branch: "cost", allowed: ["c"], matchedTokens: 0 },
  },
  {
    number: 8,
    merged: "a branch that expires takes its pod from ancestors that a live sibling shares",
    mended: "a branch that expires leaves ancestors and siblings alone",
    steps: [
      step([[1, 5]], "ab", "a", { atMs: 0 }),
      step(
        [
          [1, 3],
          [8, 9],
        ],
        "ab",
        "a",
        { atMs: 100_000 },
      ),
      step([[1, 3]], "ab", undefined, { atMs: 301_000 }),
    ],
    expectMerged: { branch: "cost", allowed: ["a", "b"], matchedTokens: 3 },
    expectMended: { branch: "prefix", allowed: ["a"], matchedTokens: 3 },
  },
  {
    number: 14,
    merged: "a pod that was alone is unknown as an owner when a second one comes",
    mended: "a pod that was alone is known as the owner when a second one comes",
    steps: [step(HUNDRED, "a", "a"), step(HUNDRED, "ab")],
    expectMerged: { branch: "cost", allowed: ["a", "b"], matchedTokens: 0 },
    expectMended: { branch: "prefix", allowed: ["a"], matchedTokens: 100 },
  },
];

describe("in aibrix-719, as merged:", () => {
  it.each(ODDITIES)("($number) $merged", ({ steps, expectMerged }) => {
    expect(last("aibrix-719", ...steps)).toMatchObject(expectMerged);
  });

  it("(3) a second model halves a node's prefill cost", () => {
    const [, second] = play("aibrix-719", [step(HUNDRED, "ab", "a"), step(HUNDRED, "ab", "b", { model: "n" })]);
    expect(second?.costsBeforeSeconds["a"]).toBeCloseTo(6.75 + 0.062 / 2, 9);
  });

  it("(4) an insert records the pod without a name, which then owns what it never served", () => {
    const ready = ["", "b"];
    const steps = [step(HUNDRED, "", "b", { ready }), step(HUNDRED, "", undefined, { ready })];
    expect(last("aibrix-719", ...steps)).toMatchObject({ branch: "prefix", allowed: ["", "b"] });
  });

  it("(10) requests from before a split are subtracted with lengths from after it", () => {
    const { costsBeforeSeconds } = last(
      "aibrix-719",
      step(HUNDRED, "ab", "a", { atMs: 0 }),
      step(HUNDRED, "ab", "a", { atMs: 100_000 }),
      step(
        [
          [1, 60],
          [201, 240],
        ],
        "ab",
        "a",
        { atMs: 150_000 },
      ),
      step(OTHER, "ab", "b", { atMs: 181_000 }),
    );
    // A miss rate of 1.6 for the node that was split, 0.4 for the other.
    expect(costsBeforeSeconds["a"]).toBeCloseTo(6.75 + 1.6 * 0.062 + 6.75 + 0.4 * 0.062, 9);
  });

  it("(11) requests of a pod that is gone stay counted beyond the window", () => {
    const results = play("aibrix-719", [
      ...Array.from({ length: 5 }, () => step(HUNDRED, "abc", "a", { atMs: 0 })),
      step(OTHER, "bc", "b", { atMs: 1000 }),
      step(HUNDRED, "abc", "b", { atMs: 240_000 }),
      step([[701, 800]], "abc", "c", { atMs: 240_001 }),
    ]);
    expect(results.at(-1)?.loads).toEqual({ a: 0, b: 6, c: 0 });
  });

  it("(18) an empty prompt is charged to every pod of the model", () => {
    const steps = [
      step(HUNDRED, "abc", "a"),
      step(OTHER, "abc", "b"),
      step([], "abc", "a"),
      step([[701, 800]], "abc", "c"),
    ];
    const { costsBeforeSeconds } = last("aibrix-719", ...steps);
    expect(costsBeforeSeconds["b"]).toBeCloseTo(6.812 + 6.812, 9);
  });

  it("(21) a pod is credited with a prefix that another one holds", () => {
    const { costsAfterSeconds } = last(
      "aibrix-719",
      step(HUNDRED, "abc", "a"),
      step(
        [
          [1, 40],
          [201, 260],
        ],
        "abc",
        "b",
      ),
    );
    expect(costsAfterSeconds["b"]).toBeCloseTo(6.75 + 0.6 * 0.062, 9);
  });

  it("(22) a request that failed still owns its prefix", () => {
    expect(afterFailure("aibrix-719")).toMatchObject({ reason: "prefix", matchedTokens: 100 });
  });
});

describe("in corrected, mended:", () => {
  it.each(ODDITIES)("($number) $mended", ({ steps, expectMended }) => {
    expect(last("corrected", ...steps)).toMatchObject(expectMended);
  });

  it("(3) a second model changes nobody's cost", () => {
    const [first, second] = play("corrected", [step(HUNDRED, "ab", "a"), step(HUNDRED, "ab", "b", { model: "n" })]);
    const own = second?.costsBeforeSeconds["b"] ?? NaN;
    expect((second?.costsBeforeSeconds["a"] ?? NaN) - own).toBeCloseTo(first?.costsAfterSeconds["a"] ?? NaN, 9);
  });

  it("(4) a pod without a name is a pod like any other", () => {
    const ready = ["", "b"];
    const steps = [step(HUNDRED, "", "b", { ready }), step(HUNDRED, "", undefined, { ready })];
    expect(last("corrected", ...steps)).toMatchObject({ branch: "prefix", allowed: ["b"] });
  });

  it("(10) the window gives back exactly what it took, whatever was split in between", () => {
    const results = play("corrected", [
      step(HUNDRED, "ab", "a", { atMs: 0 }),
      step(HUNDRED, "ab", "a", { atMs: 100_000 }),
      step(
        [
          [1, 60],
          [201, 240],
        ],
        "ab",
        "a",
        { atMs: 150_000 },
      ),
      step(OTHER, "ab", "b", { atMs: 181_000 }),
      step(OTHER, "ab", "b", { atMs: 400_000 }),
    ]);
    const whole = 0.062 + 45 * 0.062;
    expect(results[3]?.costsAfterSeconds["a"]).toBeCloseTo(2 * whole, 9);
    expect(results[4]?.costsAfterSeconds["a"]).toBe(0);
  });

  it("(11) a pod that is gone leaves no load behind", () => {
    const results = play("corrected", [
      ...Array.from({ length: 5 }, () => step(HUNDRED, "abc", "a", { atMs: 0 })),
      step(OTHER, "bc", "b", { atMs: 1000 }),
      step(HUNDRED, "abc", "b", { atMs: 240_000 }),
      step([[701, 800]], "abc", "c", { atMs: 240_001 }),
    ]);
    expect(results.at(-1)?.loads).toEqual({ a: 0, b: 1, c: 0 });
  });

  it("(18) an empty prompt is charged to the pod that gets it", () => {
    const results = play("corrected", [
      step(HUNDRED, "abc", "a"),
      step(OTHER, "abc", "b"),
      step([], "abc", "a"),
      step([], "abc", "c"),
    ]);
    expect(results[2]?.costsAfterSeconds["b"]).toBe(results[1]?.costsAfterSeconds["b"]);
    expect(results[3]).toMatchObject({ branch: "cost", allowed: ["c"] });
  });

  it("(21) a pod pays for every token it does not hold itself", () => {
    const { costsAfterSeconds } = last(
      "corrected",
      step([[1, 1000]], "abc", "a"),
      step(
        [
          [1, 400],
          [2001, 2600],
        ],
        "abc",
        "b",
      ),
    );
    expect(costsAfterSeconds["b"]).toBeCloseTo(costsAfterSeconds["a"] ?? NaN, 9);
  });

  it("(22) a request that failed owns nothing", () => {
    expect(afterFailure("corrected")).toMatchObject({ reason: "cost", matchedTokens: 0 });
  });
});

function afterFailure(mode: Mode): unknown {
  const router = createFunctionRouter({ mode, seed: 1, tokenizer: { encode: () => [] } });
  router.setPods([{ name: "a" }, { name: "b" }], 0);
  const prompt = Array.from({ length: 100 }, (_, index) => index);
  router.decide({ requestId: "1", model: "m", prompt }, 0);
  router.finished("1", "error", 1);
  return router.decide({ requestId: "2", model: "m", prompt }, 2);
}
