/** A pod whose engine runs ahead tells what one tells that makes step after step: tokens, pages and statistics. */
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { loadProfile } from "../../fixtures/profiles/latency-profile.ts";
import { VirtualDriver } from "../drivers/virtual-driver.ts";
import { stepsOf } from "../engine/decode-run.ts";
import { createEngine, ENGINE_DEFAULTS } from "../engine/create-engine.ts";
import type { StepOutput } from "../engine/engine.ts";
import { slowedEngine } from "../faults/slowed-engine.ts";
import { PodMetrics } from "../metrics/pod-metrics.ts";
import { METRICS_0_32 } from "../metrics/version-metrics.ts";
import { PodEngine } from "./pod-engine.ts";

interface World {
  readonly numGpuBlocks: number;
  readonly slow: { readonly fromMs: number; readonly forMs: number; readonly factor: number };
  readonly arrivals: readonly {
    readonly atMs: number;
    readonly promptTokens: number;
    readonly maxTokens: number;
    readonly leavesMs: number | undefined;
    readonly stopsAfter: number | undefined;
  }[];
  readonly looksMs: readonly number[];
  readonly resetsMs: readonly number[];
}

const anyMs = fc.integer({ min: 0, max: 8_000 });
const worlds: fc.Arbitrary<World> = fc.record({
  numGpuBlocks: fc.integer({ min: 30, max: 80 }),
  slow: fc.record({ fromMs: anyMs, forMs: fc.integer({ min: 0, max: 2_000 }), factor: fc.constantFrom(0.5, 3) }),
  arrivals: fc.array(
    fc.record({
      atMs: anyMs,
      promptTokens: fc.integer({ min: 1, max: 200 }),
      maxTokens: fc.integer({ min: 1, max: 150 }),
      leavesMs: fc.option(fc.integer({ min: 0, max: 3_000 }), { nil: undefined, freq: 4 }),
      stopsAfter: fc.option(fc.integer({ min: 1, max: 60 }), { nil: undefined, freq: 4 }),
    }),
    { minLength: 1, maxLength: 20 },
  ),
  looksMs: fc.array(anyMs, { maxLength: 12 }),
  resetsMs: fc.array(anyMs, { maxLength: 1 }),
});

function live({ numGpuBlocks, slow, arrivals, looksMs, resetsMs }: World, ahead: boolean) {
  const driver = Object.assign(new VirtualDriver(), { lateMs: 0 });
  const metrics = new PodMetrics({
    version: METRICS_0_32,
    model: "tiny",
    maxModelLenTokens: 400,
    cache: {
      totalBlocks: numGpuBlocks,
      blockSizeTokens: 16,
      prefixCaching: true,
      gpuMemoryUtilizationRatio: 0.9,
      maxModelLenTokens: 400,
      memoryBytes: 1e9,
      userSetBlockSize: false,
      dtype: "auto",
    },
    maxLoras: 1,
    toolParser: false,
    createdSeconds: 0,
    unixSeconds: () => driver.nowMs() / 1000,
  });
  const config = { ...ENGINE_DEFAULTS, numGpuBlocks, maxModelLen: 400, maxNumSeqs: 6, maxLoras: 1 };
  const factor = (nowMs: number): number =>
    nowMs >= slow.fromMs && nowMs < slow.fromMs + slow.forMs ? slow.factor : 1;
  const told: unknown[] = [];
  const onStep = ({ endMs, tokens }: Pick<StepOutput, "endMs" | "tokens">): void => {
    told.push({ nowMs: driver.nowMs(), endMs, tokens });
    const stopped = tokens.filter(({ requestId, index }) => arrivals[Number(requestId)]?.stopsAfter === index + 1);
    if (stopped.length > 0)
      pod.abort(
        stopped.map(({ requestId }) => requestId),
        "stop",
      );
  };
  const pod: PodEngine = new PodEngine(
    driver,
    slowedEngine(createEngine(config, loadProfile("a6000")), factor),
    () => metrics,
    {
      onStep,
      ...(ahead && {
        follow: (plan) => {
          const steps = [...stepsOf({ ...plan, kvEvents: [] })];
          return (step) => onStep(steps[step] as StepOutput);
        },
      }),
    },
  );
  const look = (): void => {
    // Of the process, not of the pod.
    const page = metrics.render(pod.toldStats()).replaceAll(/^process_.*$/gm, "");
    told.push({ stats: pod.stats(), inside: pod.inspect(), page });
  };
  for (const [index, { atMs, promptTokens, maxTokens, leavesMs }] of arrivals.entries()) {
    const id = String(index);
    const first = 1_000 * (index % 3);
    const promptTokenIds = Array.from({ length: promptTokens }, (_, position) => first + position);
    const adapter = index % 4 === 0 ? { lora: { id: 1, name: "adapter", path: "/adapter" } } : {};
    driver.at(atMs, () => pod.submit({ id, promptTokenIds, maxTokens, sample: (k) => first + k, ...adapter }));
    if (leavesMs !== undefined) driver.at(atMs + leavesMs, () => pod.abort([id]));
  }
  for (const atMs of [slow.fromMs, slow.fromMs + slow.forMs]) driver.at(atMs, () => pod.settle());
  for (const atMs of looksMs) driver.at(atMs, look);
  for (const atMs of resetsMs) driver.at(atMs, () => void pod.resetPrefixCache(true));
  driver.run();
  look();
  return told;
}

it("tells the same, whatever comes in between", () => {
  fc.assert(
    fc.property(worlds, (world) => {
      expect(live(world, true)).toEqual(live(world, false));
    }),
    { numRuns: 150 },
  );
});
