/** Skipping ahead changes nothing that can be observed: same steps, same times, same blocks, same answers to questions. */
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { loadProfile } from "../../fixtures/profiles/latency-profile.ts";
import { Random } from "../../fixtures/random.ts";
import type { DrivenEngine } from "./driver.ts";
import { createEngine, ENGINE_DEFAULTS } from "../engine/create-engine.ts";
import { stepsOf } from "../engine/decode-run.ts";
import type { DecodePlan, StepOutput } from "../engine/engine.ts";
import { VirtualDriver } from "./virtual-driver.ts";

type Happening = { readonly atMs: number; readonly pod: number } & (
  | { readonly kind: "arrive"; readonly group: number; readonly promptTokens: number; readonly maxTokens: number }
  | { readonly kind: "abort"; readonly which: number }
  | { readonly kind: "reset"; readonly preemptRunning: boolean }
  | { readonly kind: "look" | "hold" | "stepOnce" | "release" }
);

interface World {
  readonly pods: number;
  readonly cardTokens: number;
  readonly maxNumSeqs: number;
  readonly maxNumBatchedTokens: number;
  readonly policy: "fcfs" | "priority";
  readonly blockSize: number;
  readonly watermark: number;
  readonly reserveFullIsl: boolean;
  readonly prefixCaching: boolean;
  readonly kvEvents: boolean;
  readonly noise: boolean;
  /** 0 for a pod without adapters. */
  readonly loras: number;
  readonly happenings: readonly Happening[];
}

/** Multiples of 24.8 ms, a decode step, make arrivals fall on the ends of steps. */
const moment = fc.oneof(
  fc.integer({ min: 0, max: 12_000 }),
  fc.integer({ min: 0, max: 400 }).map((step) => step * 24.8),
);
const where = { atMs: moment, pod: fc.nat({ max: 2 }) };
const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      ...where,
      kind: fc.constant("arrive"),
      group: fc.nat({ max: 3 }),
      promptTokens: fc.integer({ min: 1, max: 150 }),
      maxTokens: fc.integer({ min: 1, max: 120 }),
    }),
  },
  fc.record({ ...where, kind: fc.constant("abort"), which: fc.nat({ max: 40 }) }),
  fc.record({ ...where, kind: fc.constant("reset"), preemptRunning: fc.boolean() }),
  fc.record({ ...where, kind: fc.constantFrom("look", "hold", "stepOnce", "release") }),
);
const worlds: fc.Arbitrary<World> = fc.record({
  pods: fc.integer({ min: 1, max: 3 }),
  cardTokens: fc.integer({ min: 320, max: 960 }),
  maxNumSeqs: fc.integer({ min: 1, max: 8 }),
  maxNumBatchedTokens: fc.constantFrom(64, 64, 64, 5),
  policy: fc.constantFrom("fcfs", "priority"),
  blockSize: fc.constantFrom(16, 16, 5, 1),
  watermark: fc.constantFrom(0, 0.1),
  reserveFullIsl: fc.boolean(),
  prefixCaching: fc.constantFrom(true, true, false),
  kvEvents: fc.boolean(),
  noise: fc.boolean(),
  loras: fc.constantFrom(0, 0, 1, 2),
  happenings: fc.array(happening, { minLength: 1, maxLength: 40 }),
});

interface Life {
  readonly steps: StepOutput[];
  readonly answers: unknown[];
}

type Way = "step by step" | "ahead" | "ahead, followed";

/** `stops`: whoever hears of certain tokens aborts their request at once, as a front end that finds a stop string does. */
function live(world: World, way: Way, stops = false): { readonly lives: readonly Life[]; readonly skipped: number } {
  const driver = new VirtualDriver();
  const numGpuBlocks = 1 + Math.ceil((world.cardTokens - 16) / world.blockSize);
  const maxLoras = world.loras === 0 ? {} : { maxLoras: world.loras };
  const config = { ...ENGINE_DEFAULTS, ...world, ...maxLoras, numGpuBlocks, maxModelLen: 300 };
  const lives: Life[] = [];
  let skipped = 0;
  const pods = Array.from({ length: world.pods }, (_, pod): DrivenEngine => {
    const life: Life = { steps: [], answers: [] };
    lives.push(life);
    const random = new Random(1).stream(`pod ${pod}`);
    const engine = createEngine(config, loadProfile("a6000"), world.noise ? { ratio: 0.1, random } : undefined);
    const onStep = (output: StepOutput): void => {
      life.steps.push(output);
      const stopped = output.tokens.filter(({ requestId, index }) => stops && index % 23 === Number(requestId) % 23);
      if (stopped.length > 0) pods[pod]?.abort(stopped.map(({ requestId }) => requestId));
      // Whoever gets an answer asks the next pod, in the same instant.
      for (const { requestId, finishReason } of output.tokens) {
        if (finishReason === undefined || requestId.startsWith("again")) continue;
        const sample = (k: number): number => -k;
        pods[(pod + 1) % world.pods]?.submit({
          id: `again ${requestId}`,
          promptTokenIds: [1, 2, 3],
          maxTokens: 30,
          sample,
        });
      }
    };
    if (way === "step by step") return driver.drive(engine, onStep);
    const follow = (plan: DecodePlan): ((step: number) => void) => {
      const steps = [...stepsOf({ ...plan, kvEvents: [] })];
      return (step) => onStep(steps[step] as StepOutput);
    };
    return driver.fastForward(engine, onStep, {
      ...(way === "ahead, followed" && { follow }),
      onRun(run) {
        const steps = run.stepEndsMs.length;
        skipped += steps;
        expect(Math.min(...run.firstIndexes)).toBeGreaterThan(0);
        // Who follows has heard of just these, but for their events.
        if (way === "ahead, followed") {
          const heard = life.steps.splice(-steps);
          expect(heard.map(({ endMs, tokens }) => ({ endMs, tokens }))).toEqual(
            [...stepsOf(run)].map(({ endMs, tokens }) => ({ endMs, tokens })),
          );
        }
        life.steps.push(...stepsOf(run));
      },
    });
  });
  for (const [index, item] of world.happenings.entries()) {
    const number = item.pod % world.pods;
    const pod = pods[number] as DrivenEngine;
    const { answers } = lives[number] as Life;
    driver.at(item.atMs, () => {
      switch (item.kind) {
        case "arrive": {
          const first = item.group * 1000;
          const promptTokenIds = Array.from({ length: item.promptTokens }, (_, position) => first + position);
          const { group: priority, maxTokens } = item;
          // What one generates another may ask, so that a decode caches the very blocks that somebody waits for.
          const sample = (k: number): number => first + item.promptTokens + k;
          const lora = { id: 1 + item.group, name: `adapter ${item.group}`, path: "/adapters" };
          const adapter = world.loras > 0 && item.group > 0 ? { lora } : {};
          return pod.submit({ id: String(index), promptTokenIds, maxTokens, priority, sample, ...adapter });
        }
        case "abort":
          return pod.abort([String(item.which)]);
        case "reset":
          return pod.betweenSteps((own) => answers.push(own.resetPrefixCache(item.preemptRunning)));
        case "look":
          return void answers.push(pod.engine.stats());
        case "hold":
        case "release":
        case "stepOnce":
          return pod[item.kind]();
      }
    });
  }
  driver.at(60_000, () => pods.forEach((pod) => pod.release()));
  driver.run();
  for (const [number, pod] of pods.entries()) {
    const held = Array.from({ length: 4 }, (_, group) =>
      pod.engine.heldPrefixTokens(Array.from({ length: 150 }, (_, position) => group * 1000 + position)),
    );
    lives[number]?.answers.push(pod.engine.stats(), held, driver.nowMs());
  }
  return { lives, skipped };
}

it("gives every step, time and answer of a run without it", () => {
  let skipped = 0;
  fc.assert(
    fc.property(worlds, (world) => {
      const ahead = live(world, "ahead");
      skipped += ahead.skipped;
      expect(ahead.lives).toEqual(live(world, "step by step").lives);
    }),
    { numRuns: 120 },
  );
  expect(skipped).toBeGreaterThan(3000);
});

it.each([false, true])("tells who follows each step in its time, who may act on it at once: %s", (stops) => {
  let skipped = 0;
  fc.assert(
    fc.property(worlds, (world) => {
      const followed = live(world, "ahead, followed", stops);
      skipped += followed.skipped;
      expect(followed.lives).toEqual(live(world, "step by step", stops).lives);
    }),
    { numRuns: 120 },
  );
  expect(skipped).toBeGreaterThan(stops ? 1000 : 3000);
});

it("stops where a running request caches the block that lets in who waits", () => {
  const arrive = { pod: 0, kind: "arrive" } as const;
  // Of 19 blocks the other holds 11, soon 12, and the asker 2: 5 are free. Who asks at 300 ms what the asker is about to
  // say needs 7, of which it shares 1: one too many, until the asker's second block is full and shared too.
  const world: World = {
    pods: 1,
    cardTokens: 320,
    maxNumSeqs: 8,
    maxNumBatchedTokens: 64,
    policy: "fcfs",
    blockSize: 16,
    watermark: 0,
    reserveFullIsl: true,
    prefixCaching: true,
    kvEvents: false,
    noise: false,
    loras: 0,
    happenings: [
      { ...arrive, atMs: 0, group: 1, promptTokens: 170, maxTokens: 120 },
      { ...arrive, atMs: 0, group: 0, promptTokens: 17, maxTokens: 100 },
      { ...arrive, atMs: 300, group: 0, promptTokens: 100, maxTokens: 9 },
    ],
  };
  const ahead = live(world, "ahead");
  const waited = ahead.lives[0]?.steps.find(({ admitted }) => admitted.some(({ requestId }) => requestId === "2"));
  expect(waited?.admitted[0]?.cachedTokens).toBe(32);
  expect(ahead.lives).toEqual(live(world, "step by step").lives);
});
