/** The numbered invariants, over random lives of small engines under pressure. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadProfile } from "../../fixtures/profiles/latency-profile.ts";
import { Random } from "../../fixtures/random.ts";
import { auditedEngine, checkSame, INVARIANTS, type InvariantId } from "./test-audited-engine.ts";
import { createEngine, type EngineConfig } from "./create-engine.ts";
import type { Engine, EngineInspection, EngineStats, StepOutput } from "./engine.ts";

type Call =
  | {
      readonly kind: "submit";
      readonly group: number;
      readonly promptTokens: number;
      readonly maxTokens: number;
      readonly stopAfterTokens: number | undefined;
      readonly salted: boolean;
      readonly lora: boolean;
      readonly priority: number;
      readonly skipPrefixLookup: boolean;
    }
  | { readonly kind: "abort"; readonly which: number }
  | { readonly kind: "reset"; readonly preemptRunning: boolean }
  | { readonly kind: "begin" | "end" };

const submit = fc.record({
  kind: fc.constant("submit" as const),
  group: fc.nat({ max: 2 }),
  promptTokens: fc.integer({ min: 1, max: 50 }),
  maxTokens: fc.integer({ min: 1, max: 40 }),
  stopAfterTokens: fc.option(fc.integer({ min: 1, max: 40 }), { nil: undefined }),
  salted: fc.boolean(),
  lora: fc.boolean(),
  priority: fc.nat({ max: 2 }),
  skipPrefixLookup: fc.boolean(),
});
const call: fc.Arbitrary<Call> = fc.oneof(
  { weight: 3, arbitrary: submit },
  { weight: 16, arbitrary: fc.constantFrom({ kind: "begin" as const }, { kind: "end" as const }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("abort" as const), which: fc.nat({ max: 20 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("reset" as const), preemptRunning: fc.boolean() }) },
);
const config: fc.Arbitrary<EngineConfig> = fc
  .record({
    blockSize: fc.constantFrom(1, 3, 4, 16),
    numGpuBlocks: fc.integer({ min: 21, max: 40 }),
    maxModelLen: fc.constant(60),
    maxNumSeqs: fc.integer({ min: 1, max: 6 }),
    maxNumBatchedTokens: fc.integer({ min: 1, max: 60 }),
    prefixCaching: fc.boolean(),
    policy: fc.constantFrom("fcfs" as const, "priority" as const),
    watermark: fc.constantFrom(0, 0.1),
    longPrefillTokenThreshold: fc.constantFrom(0, 7),
    reserveFullIsl: fc.boolean(),
    kvEvents: fc.boolean(),
  })
  .map((values) => (values.blockSize < 3 ? { ...values, numGpuBlocks: values.numGpuBlocks + 60 } : values));

interface Life {
  readonly outputs: readonly StepOutput[];
  readonly engine: Engine;
}

function bare(settings: EngineConfig): Engine {
  return createEngine(settings, loadProfile("a6000"));
}

function live(
  settings: EngineConfig,
  calls: readonly Call[],
  engine: Engine = auditedEngine(bare(settings), settings),
): Life {
  const outputs: StepOutput[] = [];
  let nowMs = 0;
  let endMs: number | undefined;
  /** False when there is nothing to do. */
  const begin = (): boolean => {
    endMs ??= engine.beginStep(nowMs);
    return endMs !== undefined;
  };
  const end = (): void => {
    if (endMs === undefined) return;
    nowMs = endMs;
    endMs = undefined;
    outputs.push(engine.endStep());
  };
  for (const [index, item] of calls.entries()) {
    switch (item.kind) {
      case "submit": {
        const { group, promptTokens, maxTokens, stopAfterTokens, salted, lora, priority, skipPrefixLookup } = item;
        const request = {
          id: String(index),
          promptTokenIds: Array.from({ length: promptTokens }, (_, position) => 1000 * group + position),
          maxTokens,
          priority,
          skipPrefixLookup,
          sample: (k: number) => 1000 * group + promptTokens + k,
        };
        const extras = {
          ...(salted ? { cacheSalt: "salt" } : {}),
          ...(lora ? { lora: { id: 1, name: "adapter", path: "/adapter" } } : {}),
        };
        engine.submit({ ...request, ...extras, ...(stopAfterTokens === undefined ? {} : { stopAfterTokens }) }, nowMs);
        break;
      }
      case "abort":
        engine.abort([String(item.which), String(item.which + 1)], nowMs);
        break;
      case "reset":
        engine.resetPrefixCache(item.preemptRunning);
        break;
      case "begin":
        begin();
        break;
      case "end":
        end();
    }
  }
  while (begin()) end();
  return { outputs, engine };
}

describe("over random lives", () => {
  const seen = { preemptions: 0, hits: 0, removals: 0 };

  it("no invariant breaks, and all requests end", () => {
    fc.assert(
      fc.property(config, fc.array(call, { maxLength: 120, size: "max" }), (settings, calls) => {
        const { outputs, engine } = live(settings, calls);
        const { running, waiting, freeBlocks, totalBlocks, preemptions, prefixHitsTokens } = engine.stats();
        expect([running, waiting, freeBlocks]).toEqual([0, 0, totalBlocks]);
        expect(engine.resetPrefixCache(false)).toBe(true);
        seen.preemptions += preemptions;
        seen.hits += prefixHitsTokens;
        seen.removals += outputs.filter(({ kvEvents }) => kvEvents.some(({ kind }) => kind === "removed")).length;
      }),
      { numRuns: 150 },
    );
  });

  it("which had preemptions, hits and evictions enough", () => {
    expect(seen.preemptions).toBeGreaterThan(30);
    expect(seen.hits).toBeGreaterThan(150);
    expect(seen.removals).toBeGreaterThan(30);
  });

  it("the same calls give the same outputs (INV-7)", () => {
    fc.assert(
      fc.property(config, fc.array(call, { maxLength: 80 }), (settings, calls) => {
        const { outputs } = live(settings, calls, bare(settings));
        expect(() => checkSame(outputs, live(settings, calls).outputs)).not.toThrow();
      }),
    );
  });
});

describe("an engine with a fault is caught", () => {
  const settings: EngineConfig = {
    blockSize: 4,
    numGpuBlocks: 40,
    maxModelLen: 60,
    maxNumSeqs: 1,
    maxNumBatchedTokens: 60,
    prefixCaching: true,
    policy: "fcfs",
    watermark: 0,
    longPrefillTokenThreshold: 0,
    reserveFullIsl: true,
    kvEvents: true,
  };

  type Change<T> = (value: T) => T;
  const inSteps =
    (change: Change<StepOutput>): Change<Engine> =>
    (engine) => ({ ...engine, endStep: () => change(engine.endStep()) });
  const inStats =
    (change: Change<EngineStats>): Change<Engine> =>
    (engine) => ({ ...engine, stats: () => change(engine.stats()) });
  const inLook =
    (change: Change<EngineInspection>): Change<Engine> =>
    (engine) => ({ ...engine, inspect: () => change(engine.inspect()) });

  const faults: readonly (readonly [InvariantId, string, Change<Engine>])[] = [
    ["INV-1", "a block leaks", inStats((stats) => ({ ...stats, freeBlocks: stats.freeBlocks - 1 }))],
    ["INV-1", "a usage that is not the blocks'", inStats((stats) => ({ ...stats, kvUsageRatio: 0.5 }))],
    [
      "INV-1",
      "a reference too many",
      inLook((look) => ({
        ...look,
        blocks: look.blocks.map((block) => ({
          ...block,
          references: block.references && block.references + 1,
        })),
      })),
    ],
    [
      "INV-1",
      "a block is free twice",
      inLook((look) => ({
        ...look,
        blocks: look.blocks.map(({ reuseRank, ...block }) => ({
          ...block,
          ...(reuseRank !== undefined && { reuseRank: 0 }),
        })),
      })),
    ],
    ["INV-2", "a request is lost", inLook((look) => ({ ...look, waiting: [] }))],
    ["INV-2", "one too many is said to run", inStats((stats) => ({ ...stats, running: stats.running + 1 }))],
    [
      "INV-3",
      "a token is told twice",
      inSteps((output) => ({ ...output, tokens: output.tokens.flatMap((token) => [token, token]) })),
    ],
    [
      "INV-3",
      "a wrong token",
      inSteps((output) => ({ ...output, tokens: output.tokens.map((token) => ({ ...token, tokenId: 9 })) })),
    ],
    [
      "INV-3",
      "a token after the end",
      inSteps((output) => ({ ...output, tokens: [...output.tokens, { requestId: "gone", index: 0, tokenId: 0 }] })),
    ],
    [
      "INV-3",
      "a token before its request came",
      (engine) => ({ ...engine, endStep: () => ({ ...engine.endStep(), startMs: 0, endMs: 0 }) }),
    ],
    [
      "INV-4",
      "a hit of half a block",
      inSteps((output) => ({ ...output, admitted: output.admitted.map((item) => ({ ...item, cachedTokens: 2 })) })),
    ],
    [
      "INV-4",
      "a hit that leaves nothing to compute",
      inSteps((output) => ({ ...output, admitted: output.admitted.map((item) => ({ ...item, cachedTokens: 8 })) })),
    ],
    ["INV-4", "more hits than queries", inStats((stats) => ({ ...stats, prefixHitsTokens: 99 }))],
    [
      "INV-5",
      "a chunk too small",
      inSteps((output) => ({ ...output, scheduled: output.scheduled.map(([id]) => [id, 1] as const) })),
    ],
    ["INV-6", "a step that ends before it starts", inSteps((output) => ({ ...output, endMs: output.startMs - 1 }))],
    [
      "INV-6",
      "a step that starts before the last ended",
      inSteps((output) => ({ ...output, startMs: Math.max(10, output.startMs - 1) })),
    ],
    [
      "INV-8",
      "a step over budget",
      inSteps((output) => ({ ...output, scheduled: output.scheduled.map(([id]) => [id, 61] as const) })),
    ],
    [
      "INV-8",
      "a request twice in a step",
      inSteps((output) => ({ ...output, scheduled: output.scheduled.flatMap((entry) => [entry, entry]) })),
    ],
    [
      "INV-8",
      "a request that computes nothing",
      inSteps((output) => ({ ...output, scheduled: output.scheduled.map(([id]) => [id, 0] as const) })),
    ],
    ["INV-8", "more run than there are slots", () => bare({ ...settings, maxNumSeqs: 2 })],
    ["INV-9", "a victim that did not run", inSteps((output) => ({ ...output, admitted: [], preempted: ["0"] }))],
    ["INV-9", "one put out and one let in", inSteps((output) => ({ ...output, preempted: ["0"] }))],
    ["INV-10", "an event is lost", inSteps((output) => ({ ...output, kvEvents: output.kvEvents.slice(1) }))],
    [
      "INV-10",
      "an event is told twice",
      inSteps((output) => ({ ...output, kvEvents: output.kvEvents.flatMap((event) => [event, event]) })),
    ],
    [
      "INV-11",
      "who waits holds the blocks",
      inLook(({ running, waiting, blocks }) =>
        running.length === 0 ? { running, waiting, blocks } : { running: waiting, waiting: running, blocks },
      ),
    ],
  ];

  /** Two requests, of which the second waits for the only slot. */
  const liveTwo = (engine: Engine): void => {
    for (const id of ["0", "1"]) {
      engine.submit({ id, promptTokenIds: [1, 2, 3, 4, 5, 6], maxTokens: 3, sample: (k) => k }, 10);
    }
    for (let endMs = engine.beginStep(10); endMs !== undefined; endMs = engine.beginStep(endMs)) engine.endStep();
  };

  it.each(faults)("%s: %s", (id, _what, fault) => {
    const engine = auditedEngine(fault(bare(settings)), settings);
    expect(() => liveTwo(engine)).toThrow(expect.objectContaining({ name: "InvariantBroken", id }));
  });

  it("INV-7: chance from elsewhere", () => {
    // Two engines that draw from one stream.
    const random = new Random(1).stream("of both");
    const call: Call = {
      kind: "submit",
      group: 0,
      promptTokens: 9,
      maxTokens: 3,
      stopAfterTokens: undefined,
      salted: false,
      lora: false,
      priority: 0,
      skipPrefixLookup: false,
    };
    const make = (): Engine => createEngine(settings, loadProfile("a6000"), { ratio: 0.1, random });
    const outputs = (): readonly StepOutput[] => live(settings, [call, { kind: "begin" }], make()).outputs;
    expect(() => checkSame(outputs(), outputs())).toThrow(expect.objectContaining({ id: "INV-7" }));
  });

  it("every invariant has a fault that shows it", () => {
    const shown = new Set<string>([...faults.map(([id]) => id), "INV-7"]);
    expect([...shown].sort()).toEqual(Object.keys(INVARIANTS).sort());
  });

  it("and none is seen where there is none", () => {
    expect(() => liveTwo(auditedEngine(bare(settings), settings))).not.toThrow();
  });
});
