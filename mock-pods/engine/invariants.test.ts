/** The numbered invariants, over random lives of small engines under pressure. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadProfile } from "../../fixtures/profiles/latency-profile.ts";
import { auditedEngine, type InvariantId } from "./audited-engine.ts";
import { createEngine, type EngineConfig } from "./create-engine.ts";
import type { Engine, StepOutput } from "./engine.ts";

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

function live(settings: EngineConfig, calls: readonly Call[], audited = true): Life {
  const bare = createEngine(settings, loadProfile("a6000"));
  const engine = audited ? auditedEngine(bare, settings) : bare;
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
        const extras = { ...(salted ? { cacheSalt: "salt" } : {}), ...(lora ? { lora: "adapter" } : {}) };
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
        expect(live(settings, calls, false).outputs).toEqual(live(settings, calls).outputs);
      }),
    );
  });
});

describe("an engine with a fault is caught", () => {
  const settings: EngineConfig = {
    blockSize: 4,
    numGpuBlocks: 40,
    maxModelLen: 60,
    maxNumSeqs: 4,
    maxNumBatchedTokens: 60,
    prefixCaching: true,
    policy: "fcfs",
    watermark: 0,
    longPrefillTokenThreshold: 0,
    reserveFullIsl: true,
    kvEvents: true,
  };

  const onStep =
    (change: (output: StepOutput) => StepOutput) =>
    (engine: Engine): Engine => ({
      ...engine,
      endStep: () => change(engine.endStep()),
    });
  const faults: readonly (readonly [InvariantId, string, (engine: Engine) => Engine])[] = [
    ["INV-1", "a block leaks", (engine) => ({ ...engine, stats: () => ({ ...engine.stats(), freeBlocks: 1 }) })],
    [
      "INV-2",
      "a request is lost",
      (engine) => ({ ...engine, inspect: () => ({ ...engine.inspect(), running: [], waiting: [] }) }),
    ],
    [
      "INV-3",
      "a token is told twice",
      onStep((output) => ({ ...output, tokens: output.tokens.flatMap((token) => [token, token]) })),
    ],
    [
      "INV-3",
      "a wrong token",
      onStep((output) => ({ ...output, tokens: output.tokens.map((token) => ({ ...token, tokenId: 9 })) })),
    ],
    [
      "INV-4",
      "a hit of half a block",
      onStep((output) => ({ ...output, admitted: output.admitted.map((item) => ({ ...item, cachedTokens: 2 })) })),
    ],
    [
      "INV-5",
      "a chunk too small",
      onStep((output) => ({ ...output, scheduled: output.scheduled.map(([id]) => [id, 1] as const) })),
    ],
    ["INV-6", "a step that ends before it starts", onStep((output) => ({ ...output, endMs: output.startMs - 1 }))],
    [
      "INV-8",
      "a step over budget",
      onStep((output) => ({ ...output, scheduled: output.scheduled.map(([id]) => [id, 61] as const) })),
    ],
    ["INV-9", "a victim that did not run", onStep((output) => ({ ...output, admitted: [], preempted: ["0"] }))],
    ["INV-10", "an event is lost", onStep((output) => ({ ...output, kvEvents: output.kvEvents.slice(1) }))],
  ];

  it.each(faults)("%s: %s", (id, _what, fault) => {
    const engine = auditedEngine(fault(createEngine(settings, loadProfile("a6000"))), settings);
    const life = (): void => {
      engine.submit({ id: "0", promptTokenIds: [1, 2, 3, 4, 5, 6], maxTokens: 3, sample: (k) => k }, 0);
      for (let endMs = engine.beginStep(0); endMs !== undefined; endMs = engine.beginStep(endMs)) engine.endStep();
    };
    expect(life).toThrow(expect.objectContaining({ name: "InvariantBroken", id }));
  });
});
