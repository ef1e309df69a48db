/**
 * Rules no recorded workload depends on (change one in the engine and the recording still agrees), each in a workload small
 * enough to be worked out by hand.
 */
import { expect, it } from "vitest";
import { playWorkload, type StepRecord } from "./play-workload.ts";
import type { Workload } from "./workload.ts";

/** Blocks of 2 tokens, 9 of them to give away. */
const CONFIG: Workload["config"] = {
  blockSize: 2,
  numGpuBlocks: 10,
  maxModelLen: 18,
  maxNumSeqs: 4,
  maxNumBatchedTokens: 64,
  prefixCaching: true,
  policy: "fcfs",
  watermark: 0,
  longPrefillTokenThreshold: 0,
  reserveFullIsl: true,
};

interface Given {
  readonly config?: Partial<Workload["config"]>;
  /** Each a prompt of its own. */
  readonly requests: readonly { readonly a: number; readonly n: number; readonly m: number; readonly pri?: number }[];
  readonly aborts?: Workload["aborts"];
  readonly resets?: Workload["resets"];
}

function play({ config, requests, aborts = [], resets = [] }: Given): readonly StepRecord[] {
  return playWorkload({
    seed: 0,
    tags: [],
    config: { ...CONFIG, ...config },
    requests: requests.map((request, index) => ({ ...request, p: [["u", index, request.n]] })),
    aborts,
    resets,
    events: true,
  }).steps;
}

it("the watermark is kept free only beside requests that run", () => {
  const [first, second, third] = play({
    config: { watermark: 1 },
    requests: [
      { a: 0, n: 4, m: 2 },
      { a: 0, n: 4, m: 1 },
    ],
  });
  // All ten blocks are to stay free, which nothing can, yet the first comes in, and the second once it is gone.
  expect(first).toMatchObject({ new: [[0, 0]], run: 1, wait: 1 });
  expect(second).toMatchObject({ sch: [[0, 1]], fin: [0], run: 0, wait: 1 });
  expect(third).toMatchObject({ new: [[1, 0]], fin: [1] });
});

it("a victim that was scheduled in this step gives its tokens back to the budget", () => {
  const [alone, together, more, short] = play({
    config: {
      policy: "priority",
      maxNumBatchedTokens: 5,
      longPrefillTokenThreshold: 2,
      prefixCaching: false,
      reserveFullIsl: false,
    },
    requests: [
      { a: 0, n: 12, m: 1, pri: 1 },
      { a: 1, n: 12, m: 1 },
      { a: 1, n: 12, m: 1 },
    ],
  });
  // Alone, no threshold holds: the whole budget, three blocks.
  expect(alone).toMatchObject({ sch: [[0, 5]], free: 6 });
  expect(together).toMatchObject({
    sch: [
      [0, 2],
      [1, 2],
      [2, 1],
    ],
    free: 3,
  });
  expect(more).toMatchObject({ sch: 0, free: 1 });
  // Request 0 takes the last block, request 1 finds none and puts it out: 6 blocks come back, and the 2 tokens. So
  // request 2 may compute 2, where 1 was left.
  expect(short).toMatchObject({
    sch: [
      [1, 2],
      [2, 2],
    ],
    pre: [0],
    run: 2,
    wait: 1,
    free: 4,
  });
});

it("of several aborted in a step, blocks go in the order of the aborts", () => {
  // Prompts of two blocks: hashes 0 and 1, 2 and 3.
  const steps = play({
    requests: [
      { a: 0, n: 4, m: 9 },
      { a: 0, n: 4, m: 9 },
      { a: 1, n: 13, m: 1 },
    ],
    aborts: [
      [1, 1],
      [1, 0],
    ],
  });
  // Five blocks hold nothing; then request 1's, tail first, for it left first.
  expect(steps[1]).toMatchObject({
    new: [[2, 0]],
    ev: [
      ["R", [3]],
      ["R", [2]],
      ["S", null, [4, 5, 6, 7, 8, 9]],
    ],
  });
});

it("a request ends where the context ends", () => {
  const steps = play({ config: { maxModelLen: 6 }, requests: [{ a: 0, n: 4, m: 9 }] });
  expect(steps.map(({ sch, fin }) => [sch, fin])).toEqual([
    [[[0, 4]], undefined],
    [[[0, 1]], [0]],
    [[], undefined],
  ]);
});

it("a departure makes one more step, though it be empty; a departed that came in the same step, too", () => {
  expect(play({ requests: [{ a: 3, n: 4, m: 9 }], aborts: [[3, 0]] })).toEqual([
    { s: 3, sch: [], run: 0, wait: 0, free: 9 },
  ]);
  // Aborted once more: it is not there.
  const aborts: Workload["aborts"] = [
    [3, 0],
    [3, 0],
    [5, 0],
  ];
  expect(play({ requests: [{ a: 3, n: 4, m: 9 }], aborts })).toHaveLength(1);
});

it("a victim aborted while it waits never comes back, and its blocks are not freed twice", () => {
  const requests = [
    { a: 0, n: 8, m: 9 },
    { a: 0, n: 8, m: 9 },
  ];
  const steps = play({ config: { prefixCaching: false }, requests, aborts: [[2, 1]] });
  // Four blocks each and one left, which request 0 takes for its ninth token: request 1 puts itself out.
  expect(steps[1]).toMatchObject({ sch: [[0, 1]], pre: [1], run: 1, wait: 1, free: 4 });
  expect(steps[2]).toMatchObject({ sch: 0, run: 1, wait: 0, free: 4 });
  expect(steps.at(-1)).toMatchObject({ free: 9 });
});

it.each([
  ["fcfs", [1, 0], [0, 1]],
  // Request 1 is the more urgent: it runs first, is put out last, and comes in first.
  ["priority", [0, 1], [1, 0]],
] as const)("a reset with %s puts out the last first, and all come back in the old order", (policy, out, back) => {
  const steps = play({
    config: { policy },
    requests: [
      { a: 0, n: 4, m: 3, pri: 1 },
      { a: 0, n: 4, m: 3, pri: 0 },
    ],
    resets: [
      [1, false],
      [1, true],
    ],
  });
  expect(steps[1]).toMatchObject({
    // Without preemption the blocks are in use.
    reset: [false, true],
    rp: out,
    sch: back.map((request) => [request, 5]),
    res: back.map((request) => [request, 0]),
    // Both have told one token: five known ones are looked up again, and nothing is there.
    ppq: [2, 10, 0],
  });
  expect(steps[1]?.["ev"]).toMatchObject([["C"], ["S", null, {}], ["S", null, {}]]);
});
