/** The mode against a second writing of its rule, step by step over traffic drawn at random. */
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { promptTokens, type DecisionStep } from "../decision-trace/decision-trace.ts";
import { playDecisions } from "../decision-trace/play-decisions.ts";
import { drawnPrompt } from "../test-drawn-prompts.ts";
import { Aibrix719Anew } from "./test-written-anew.ts";

const PODS = ["a", "b", "c", "d"];
/** Around every edge of the cost model and of the threshold. */
const LENGTHS = [1, 2, 40, 49, 50, 51, 60, 100, 191, 192, 250, 360, 370, 383, 384, 500, 1024, 1025, 2000, 4096];

const prompt = drawnPrompt({ families: 4, lengths: LENGTHS, maxParts: 4 });

interface Drawn {
  readonly step: DecisionStep;
  readonly afterMs: number;
  readonly pick: number;
}

const drawn: fc.Arbitrary<Drawn> = fc.record({
  step: fc.record({
    model: fc.constantFrom("m", "m", "m", "n"),
    tokens: prompt,
    ready: fc.oneof({ weight: 5, arbitrary: fc.constant(PODS) }, fc.shuffledSubarray(PODS)),
  }),
  afterMs: fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: 0, max: 3000 }) },
    fc.constantFrom(0, 1000, 60_000, 90_000, 180_000, 299_000, 300_000),
  ),
  pick: fc.nat({ max: 20 }),
});

it.each(["v100", "a6000"] as const)("answers as the rule written anew does, %s", (gpu) => {
  const branches = new Map<string, number>();
  fc.assert(
    fc.property(fc.array(drawn, { minLength: 20, maxLength: 60 }), (draws) => {
      const anew = new Aibrix719Anew(gpu);
      let atMs = 0;
      const expected = draws.map(({ step, afterMs, pick }) => {
        atMs += afterMs;
        let picked: string | undefined;
        const tokens = [...promptTokens(step.tokens ?? [])];
        const result = anew.step({ ...step, tokens, atMs }, (allowed) => {
          // One pick in five is none of those allowed: the state follows it all the same.
          picked =
            pick % 5 === 0
              ? (step.ready[pick % step.ready.length] as string)
              : (allowed[pick % allowed.length] as string);
          return picked;
        });
        return { result, step: { ...step, atMs, ...(picked === undefined ? {} : { picked }) } };
      });
      const trace = { id: "drawn", steps: expected.map(({ step }) => step) };
      const played = [...playDecisions(trace, { mode: "aibrix-719", gpu, tokenizer: { encode: () => [] } })];
      for (const [index, { result }] of expected.entries()) {
        const { costsBeforeSeconds, costsAfterSeconds, ...exact } = result;
        const ours = played[index];
        expect(ours).toMatchObject({ ...exact, allowed: exact.allowed.toSorted() });
        expectClose(ours?.costsBeforeSeconds, costsBeforeSeconds);
        expectClose(ours?.costsAfterSeconds, costsAfterSeconds);
        branches.set(exact.branch, (branches.get(exact.branch) ?? 0) + 1);
      }
    }),
    { numRuns: 60 },
  );
  // Nothing is compared that never happened.
  for (const branch of ["prefix", "cost", "only-pod", "rejected"]) expect(branches.get(branch)).toBeGreaterThan(10);
});

function expectClose(
  ours: Readonly<Record<string, number>> | undefined,
  expected: Readonly<Record<string, number>>,
): void {
  expect(Object.keys(ours ?? {}).toSorted()).toEqual(Object.keys(expected).toSorted());
  for (const [pod, seconds] of Object.entries(expected))
    expect(Math.abs((ours?.[pod] ?? NaN) - seconds)).toBeLessThan(1e-6);
}
