import { describe, expect, it } from "vitest";
import { loadProfile } from "../../fixtures/profiles/latency-profile.ts";
import { Random } from "../../fixtures/random.ts";
import { tokenIds, TokenRuns } from "../../fixtures/traces/trace.ts";
import { createEngine, ENGINE_DEFAULTS, type EngineConfig } from "./create-engine.ts";
import type { Engine, GenerationRequest, LoraAdapter, StepOutput } from "./engine.ts";

const CONFIG: EngineConfig = { ...ENGINE_DEFAULTS, numGpuBlocks: 400, maxModelLen: 6000 };

function engine(changes: Partial<EngineConfig> = {}): Engine {
  return createEngine({ ...CONFIG, ...changes }, loadProfile("a6000"));
}

function prompt(tokens: number): number[] {
  return Array.from({ length: tokens }, (_, position) => position);
}

function request(id: string, promptTokens: number, changes: Partial<GenerationRequest> = {}): GenerationRequest {
  return { id, promptTokenIds: prompt(promptTokens), maxTokens: 1, sample: (index) => 9000 + index, ...changes };
}

/** Steps until nothing is left to do. */
function run(pod: Engine): StepOutput[] {
  const outputs: StepOutput[] = [];
  for (let endMs = pod.beginStep(0); endMs !== undefined; endMs = pod.beginStep(endMs)) outputs.push(pod.endStep());
  return outputs;
}

function cachedTokens(outputs: readonly StepOutput[]): number[] {
  return outputs.flatMap(({ admitted }) => admitted.map((admission) => admission.cachedTokens));
}

describe("prefix cache", () => {
  it.each([
    [16, 0],
    [17, 16],
    [32, 16],
    [33, 32],
    [40, 32],
  ])("a prompt of %i tokens asked again finds %i: whole blocks, and a token is left to compute", (tokens, hit) => {
    const pod = engine();
    pod.submit(request("first", tokens), 0);
    expect(cachedTokens(run(pod))).toEqual([0]);
    pod.submit(request("again", tokens), 0);
    expect(cachedTokens(run(pod))).toEqual([hit]);
    expect(pod.stats()).toMatchObject({ prefixQueriesTokens: 2 * tokens, prefixHitsTokens: hit });
  });

  it("a prompt shares its blocks with the same prompt of the same step", () => {
    const pod = engine();
    pod.submit(request("a", 100, { maxTokens: 9 }), 0);
    pod.submit(request("b", 100, { maxTokens: 9 }), 0);
    pod.beginStep(0);
    expect(pod.endStep().admitted.map((admission) => admission.cachedTokens)).toEqual([0, 96]);
    expect(pod.stats().freeBlocks).toBe(399 - 7 - 1);
  });

  it("salt and LoRA keep apart what they should", () => {
    const pod = engine();
    const lora = (id: number, name: string, path = name): LoraAdapter => ({ id, name, path });
    const variants = [
      {},
      { cacheSalt: "x" },
      { cacheSalt: "y" },
      { lora: lora(1, "x") },
      { lora: lora(1, "x", "elsewhere") },
      { cacheSalt: "x", lora: lora(1, "x") },
    ];
    for (const [index, variant] of [...variants, ...variants].entries()) {
      pod.submit(request(String(index), 40, variant), 0);
      expect(cachedTokens(run(pod))).toEqual([index < variants.length ? 0 : 32]);
    }
    expect(pod.heldPrefixTokens(prompt(40), { cacheSalt: "y" })).toBe(32);
    expect(pod.heldPrefixTokens(prompt(40), { lora: lora(2, "y") })).toBe(0);
  });

  it("a request that skips the lookup finds nothing and counts nowhere, yet fills the cache", () => {
    const pod = engine();
    pod.submit(request("a", 40, { skipPrefixLookup: true }), 0);
    pod.submit(request("b", 40, { skipPrefixLookup: true }), 0);
    expect(cachedTokens(run(pod))).toEqual([0, 0]);
    expect(pod.stats()).toMatchObject({ prefixQueriesTokens: 0, prefixHitsTokens: 0 });
    expect(pod.heldPrefixTokens(prompt(40))).toBe(32);
  });

  it("a prompt in runs is the prompt written out, in the cache and in the events", () => {
    const runs: readonly (readonly [number, number])[] = [
      [100, 30],
      [7, 1],
      [500, 9],
    ];
    const promptTokenIds = tokenIds(runs);
    const live = (pod: Engine, ids: GenerationRequest["promptTokenIds"]): StepOutput[] => {
      pod.submit(request("a", 0, { promptTokenIds: ids, maxTokens: 20 }), 0);
      return run(pod);
    };
    const written = engine({ kvEvents: true });
    const inRuns = engine({ kvEvents: true });
    const steps = live(written, promptTokenIds);
    expect(live(inRuns, new TokenRuns(runs))).toEqual(steps);
    expect(inRuns.heldPrefixTokens(promptTokenIds)).toBe(32);
    expect(cachedTokens(live(written, new TokenRuns(runs)))).toEqual([32]);
    const stored = steps.flatMap(({ kvEvents }) =>
      kvEvents.flatMap((event) => ("tokenIds" in event ? event.tokenIds : [])),
    );
    expect(stored).toEqual([...promptTokenIds, ...Array.from({ length: 8 }, (_, k) => 9000 + k)]);
  });

  it("generated tokens are cached too, but the last, which is never computed", () => {
    const pod = engine();
    const first = request("a", 20, { maxTokens: 13 });
    pod.submit(first, 0);
    run(pod);
    const turn = [
      ...Array.from({ length: 20 }, (_, position) => position),
      ...Array.from({ length: 13 }, (_, k) => 9000 + k),
    ];
    expect(pod.heldPrefixTokens(turn)).toBe(32);
    expect(pod.heldPrefixTokens(turn.slice(0, 31))).toBe(16);
  });
});

describe("a step's time on an A6000", () => {
  const stepMs = ({ startMs, endMs }: StepOutput): number => endMs - startMs;

  it("is the published 24.8 ms for one decode", () => {
    const pod = engine();
    pod.submit(request("a", 10, { maxTokens: 3 }), 0);
    expect(
      run(pod)
        .filter(({ tokens }) => tokens.length > 0)
        .map(stepMs),
    ).toEqual([24.8, 24.8, 24.8].map((ms) => expect.closeTo(ms, 9)));
  });

  it("counts the quadratic term of each chunk over all it attends to", () => {
    const pod = engine();
    pod.submit(request("a", 4096), 0);
    const cross = (tokens: number, sequence: number): number =>
      1.13e-3 * tokens + 1.75e-3 * sequence + 2.19e-6 * tokens * sequence;
    const linear = 4.209777054806409 + 0.10842571 * 2048;
    expect(run(pod).slice(0, 2).map(stepMs)).toEqual([
      expect.closeTo((linear + 1.86e-4 * 2048 + 0.159 + cross(2048, 2048)) / 0.9, 9),
      expect.closeTo((linear + 1.86e-4 * 4096 + 0.159 + cross(2048, 4096)) / 0.9, 9),
    ]);
  });

  it("is one for the whole batch: a prefill slows the decode beside it", () => {
    const pod = engine();
    pod.submit(request("decode", 10, { maxTokens: 9 }), 0);
    pod.beginStep(0);
    pod.endStep();
    pod.submit(request("prefill", 511, { promptTokenIds: new Int32Array(511).fill(7) }), 0);
    pod.beginStep(0);
    const step = pod.endStep();
    expect(step.scheduled).toEqual([
      ["decode", 1],
      ["prefill", 511],
    ]);
    expect(stepMs(step)).toBeCloseTo((59.723741 + 0.32) / 0.9, 5);
  });

  it("varies within the noise asked for, the same for the same seed", () => {
    const lengths = (seed: number): number[] => {
      const noise = { ratio: 0.2, random: new Random(seed).stream("pod") };
      const pod = createEngine(CONFIG, loadProfile("a6000"), noise);
      pod.submit(request("a", 10, { maxTokens: 50 }), 0);
      return run(pod)
        .filter(({ tokens }) => tokens.length > 0)
        .map(stepMs);
    };
    expect(lengths(1)).toEqual(lengths(1));
    expect(lengths(1)).not.toEqual(lengths(2));
    expect(Math.min(...lengths(1))).toBeGreaterThanOrEqual(24.8 * 0.8 - 1e-9);
    expect(Math.max(...lengths(1))).toBeLessThanOrEqual(24.8 * 1.2 + 1e-9);
  });
});

describe("the end of a request", () => {
  it.each([
    [5, 3, "stop", 3],
    [3, 3, "stop", 3],
    [3, 5, "length", 3],
    [3, undefined, "length", 3],
  ] as const)("of at most %i tokens, natural end %s: %s", (maxTokens, stopAfterTokens, finishReason, count) => {
    const pod = engine();
    pod.submit(request("a", 5, { maxTokens, ...(stopAfterTokens === undefined ? {} : { stopAfterTokens }) }), 0);
    const tokens = run(pod).flatMap((output) => output.tokens);
    expect(tokens.map(({ index }) => index)).toEqual(Array.from({ length: count }, (_, index) => index));
    expect(tokens.at(-1)).toMatchObject({ finishReason });
  });

  it("comes at the model's context, whatever was asked", () => {
    const pod = engine({ maxModelLen: 20 });
    pod.submit(request("a", 18, { maxTokens: 99 }), 0);
    expect(run(pod).flatMap((output) => output.tokens)).toHaveLength(2);
  });

  it("by abort frees its blocks at once: waiting, in a chunk, decoding", () => {
    const pod = engine({ maxNumBatchedTokens: 64, maxNumSeqs: 2 });
    pod.submit(request("decodes", 10, { maxTokens: 99 }), 0);
    pod.beginStep(0);
    pod.endStep();
    pod.submit(request("in a chunk", 200, { cacheSalt: "other" }), 0);
    pod.submit(request("waits", 10), 0);
    pod.beginStep(0);
    expect(pod.stats()).toMatchObject({ running: 2, waiting: 1, freeBlocks: 399 - 1 - 4 });
    pod.abort(["waits"], 0);
    expect(pod.stats()).toMatchObject({ running: 2, waiting: 0 });
    pod.abort(["in a chunk"], 0);
    expect(pod.stats()).toMatchObject({ running: 1, freeBlocks: 399 - 1 });
    expect(pod.endStep().tokens.map(({ requestId }) => requestId)).toEqual(["decodes"]);
    pod.abort(["decodes", "decodes", "nobody"], 0);
    expect(pod.stats()).toMatchObject({ running: 0, freeBlocks: 399, kvUsageRatio: 0 });
  });
});

it("refuses what its shell should have refused, and what no card could be", () => {
  const pod = engine({ maxModelLen: 20 });
  expect(() => pod.submit(request("a", 20), 0)).toThrow("prompt of 20 tokens; the engine takes 1 to 19");
  expect(() => pod.submit(request("a", 0), 0)).toThrow(RangeError);
  expect(() => pod.submit(request("a", 5, { maxTokens: 0 }), 0)).toThrow("maxTokens 0");
  pod.submit(request("a", 5), 0);
  expect(() => pod.submit(request("a", 5), 0)).toThrow("request id a is already in the engine");
  expect(() => engine({ numGpuBlocks: 100 })).toThrow(
    /^100 blocks hold 1584 tokens, fewer than one request of maxModelLen 6000$/,
  );
});
