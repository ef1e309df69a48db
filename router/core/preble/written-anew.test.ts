/** The mode against a second writing of its rule, step by step over traffic drawn at random. */
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { promptTokens } from "../decision-trace/decision-trace.ts";
import { playDecisions } from "../decision-trace/play-decisions.ts";
import { drawnPrompt } from "../test-drawn-prompts.ts";
import { PrebleAnew } from "./test-written-anew.ts";

const LENGTHS = [1, 2, 40, 50, 51, 60, 100, 192, 300, 384];

const prompt = drawnPrompt({ families: 3, lengths: LENGTHS, maxParts: 3 });

interface Traffic {
  readonly pods: readonly string[];
  readonly afterMs: fc.Arbitrary<number>;
  readonly steps: number;
}

/** Sparse traffic over changing fleets, where windows and claims run out; and so much that pods are balanced again. */
const TRAFFIC: Readonly<Record<string, Traffic>> = {
  sparse: {
    pods: ["a", "b", "c"],
    afterMs: fc.oneof(
      { weight: 4, arbitrary: fc.integer({ min: 0, max: 5000 }) },
      fc.constantFrom(0, 30_000, 60_000, 180_000, 299_000, 300_000, 301_000),
    ),
    steps: 50,
  },
  dense: { pods: ["a", "b"], afterMs: fc.integer({ min: 0, max: 800 }), steps: 160 },
};

it.each(Object.entries(TRAFFIC))("answers as the rule written anew does: %s", (name, { pods, afterMs, steps }) => {
  const drawn = fc.record({
    step: fc.record({
      model: fc.constantFrom("m", "m", "m", "n"),
      tokens: prompt,
      ready:
        name === "dense"
          ? fc.constant([...pods])
          : fc.oneof({ weight: 6, arbitrary: fc.constant([...pods]) }, fc.subarray([...pods])),
    }),
    afterMs,
    pick: fc.nat({ max: 20 }),
  });
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(fc.array(drawn, { minLength: steps, maxLength: steps }), (draws) => {
      const anew = new PrebleAnew("a6000");
      let atMs = 0;
      const expected = draws.map(({ step, afterMs: byMs, pick }) => {
        atMs += byMs;
        let picked: string | undefined;
        const result = anew.step({ ...step, tokens: [...promptTokens(step.tokens)], atMs }, (allowed) => {
          // In dense traffic half goes to one pod, whatever is allowed: something must be out of balance.
          const forced = name === "dense" && pick % 2 === 0 ? pods[0] : undefined;
          picked = forced ?? (allowed[pick % allowed.length] as string);
          return picked;
        });
        return { result, step: { ...step, ready: [...step.ready], atMs, ...(picked === undefined ? {} : { picked }) } };
      });
      const trace = { id: "drawn", steps: expected.map(({ step }) => step) };
      const played = [...playDecisions(trace, { mode: "preble", gpu: "a6000", tokenizer: { encode: () => [] } })];
      for (const [index, { result }] of expected.entries()) {
        const { costsBeforeSeconds, allowed, ...exact } = result;
        const ours = played[index];
        expect(ours).toMatchObject({ ...exact, allowed: allowed.toSorted() });
        expect(Object.keys(ours?.costsBeforeSeconds ?? {}).toSorted()).toEqual(
          Object.keys(costsBeforeSeconds).toSorted(),
        );
        for (const [pod, seconds] of Object.entries(costsBeforeSeconds))
          expect(Math.abs((ours?.costsBeforeSeconds[pod] ?? NaN) - seconds)).toBeLessThan(1e-6);
        seen.set(exact.branch, (seen.get(exact.branch) ?? 0) + 1);
      }
    }),
    // Long traffic shrinks for minutes, and to no less.
    name === "dense" ? { numRuns: 12, endOnFailure: true } : { numRuns: 40 },
  );
  // Nothing is compared that never happened.
  const branches = name === "dense" ? ["prefix", "cost"] : ["prefix", "cost", "only-pod", "rejected"];
  for (const branch of branches) expect(seen.get(branch)).toBeGreaterThan(10);
});
