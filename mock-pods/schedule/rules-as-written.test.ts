/** The engine against the rules written a second time, where the recording does not reach: odd sizes, ties, tiny pools. */
import { fileURLToPath } from "node:url";
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { firstDifference } from "./compare-steps.ts";
import { playWorkload } from "./play-workload.ts";
import { playByTheRules } from "./test-rules-as-written.ts";
import { readWorkloads, type Workload, type WorkloadRequest } from "./workload.ts";

it.each(
  readWorkloads(fileURLToPath(new URL("../../fixtures/recordings/scheduler-public.jsonl.gz", import.meta.url)))
    // The shortest: it is naive.
    .toSorted((a, b) => (a.steps?.length ?? 0) - (b.steps?.length ?? 0))
    .slice(0, 40)
    .map((workload) => [workload.seed, workload] as const),
)("written again, they give recorded workload %i", (_seed, workload) => {
  expect(firstDifference(workload, playByTheRules(workload))).toBeUndefined();
});

const configs = fc
  .record({
    blockSize: fc.constantFrom(1, 2, 3, 4, 7, 16, 16),
    cardBlocks: fc.integer({ min: 2, max: 30 }),
    maxNumSeqs: fc.integer({ min: 1, max: 8 }),
    maxNumBatchedTokens: fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 80 })),
    prefixCaching: fc.constantFrom(true, true, true, false),
    policy: fc.constantFrom("fcfs" as const, "priority" as const),
    watermark: fc.constantFrom(0, 0, 0.05, 0.1, 0.3, 1),
    longPrefillTokenThreshold: fc.constantFrom(0, 0, 1, 5, 16),
    reserveFullIsl: fc.boolean(),
    shorter: fc.nat({ max: 20 }),
  })
  .map(({ cardBlocks, shorter, ...config }) => ({
    ...config,
    numGpuBlocks: cardBlocks + 1,
    maxModelLen: Math.max(2, cardBlocks * config.blockSize - shorter),
  }));

const requests = fc.array(
  fc.record({
    after: fc.nat({ max: 4 }),
    pool: fc.nat({ max: 2 }),
    shared: fc.nat({ max: 60 }),
    own: fc.nat({ max: 40 }),
    turnOf: fc.option(fc.record({ index: fc.nat({ max: 20 }), generated: fc.nat({ max: 20 }) })),
    m: fc.integer({ min: 1, max: 40 }),
    salt: fc.option(fc.constantFrom("a", "b"), { nil: undefined, freq: 4 }),
    pri: fc.option(fc.integer({ min: -1, max: 1 }), { nil: undefined }),
  }),
  { minLength: 1, maxLength: 14, size: "max" },
);

const atSteps = <T>(what: fc.Arbitrary<T>): fc.Arbitrary<[step: number, what: T[]][]> =>
  fc.array(fc.tuple(fc.nat({ max: 70 }), fc.array(what, { minLength: 1, maxLength: 3 })), { maxLength: 5 });

const workloads: fc.Arbitrary<Workload> = fc
  .record({
    config: configs,
    wanted: requests,
    aborts: atSteps(fc.nat({ max: 20 })),
    resets: atSteps(fc.boolean()),
  })
  .map(({ config, wanted, aborts, resets }) => {
    const made: WorkloadRequest[] = [];
    let a = 0;
    for (const { after, pool, shared, own, turnOf, m, salt, pri } of wanted) {
      a += after;
      const room = config.maxModelLen - 1;
      const earlier = turnOf === null ? undefined : made[turnOf.index % Math.max(1, made.length)];
      const p: WorkloadRequest["p"] = [];
      let n = 0;
      const add = (kind: "p" | "u" | "r", of: number, count: number, tokens: number): void => {
        if (tokens < 1 || n + tokens > room) return;
        p.push([kind, of, count]);
        n += tokens;
      };
      if (turnOf !== null && earlier !== undefined) {
        add("r", made.indexOf(earlier), turnOf.generated, earlier.n + turnOf.generated);
      } else {
        add("p", pool, Math.min(shared, room), Math.min(shared, room));
      }
      add("u", made.length, Math.min(own, room - n), Math.min(own, room - n));
      if (n === 0) add("u", made.length, 1, 1);
      made.push({ a, p, n, m, ...(salt === undefined ? {} : { salt }), ...(pri === undefined ? {} : { pri }) });
    }
    return {
      seed: 0,
      tags: [],
      config,
      requests: made,
      aborts: aborts.flatMap(([step, which]) => which.map((index) => [step, index % made.length] as [number, number])),
      resets: resets.flatMap(([step, which]) => which.map((running) => [step, running] as [number, boolean])),
      events: true,
    };
  });

it("in random workloads, every field of every step and every event agrees", () => {
  const seen = { pre: 0, res: 0, rp: 0, reset: 0, fin: 0 };
  fc.assert(
    fc.property(workloads, (workload) => {
      const written = playByTheRules(workload);
      const recorded = { ...workload, steps: [...written.steps], produced: [...written.produced] };
      expect(firstDifference(recorded, playWorkload(workload))).toBeUndefined();
      for (const step of written.steps) for (const key in seen) if (key in step) seen[key as keyof typeof seen]++;
    }),
    { numRuns: 300 },
  );
  expect(seen.pre).toBeGreaterThan(50);
  expect(seen.res).toBeGreaterThan(50);
  expect(seen.rp).toBeGreaterThan(10);
  expect(seen.reset).toBeGreaterThan(100);
});
