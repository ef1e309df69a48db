/** What every strategy promises, whatever it prefers. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Outcome, RoutedPod, RouteRequest } from "../../../fixtures/routing.ts";
import { createFunctionRouter, type FunctionRouterOptions, type ReferenceRouter } from "../function-router.ts";
import { MODES, STRATEGIES } from "../options.ts";

const KINDS: readonly Pick<FunctionRouterOptions, "strategy" | "mode">[] = [
  ...STRATEGIES.map((strategy) => ({ strategy })),
  ...MODES.slice(1).map((mode) => ({ strategy: "prefix-cache-and-load" as const, mode })),
];

const PODS: readonly RoutedPod[] = [
  { name: "a", gpu: "a6000" },
  { name: "b", gpu: "v100" },
  { name: "c", gpu: "a6000", models: ["m"] },
  { name: "", gpu: "a6000", models: ["n"] },
];

function router(kind: (typeof KINDS)[number], seed = 1): ReferenceRouter {
  return createFunctionRouter({ ...kind, seed, defaultGpu: "a6000", tokenizer: { encode: characters } });
}

/** A tokenizer for tests: one token a character. */
function characters(text: string): number[] {
  return Array.from(text, (character) => character.codePointAt(0) ?? 0);
}

type Action =
  | { readonly kind: "request"; readonly model: string; readonly prompt: string; readonly exclude: string[] }
  | { readonly kind: "end"; readonly index: number; readonly outcome: Outcome }
  | { readonly kind: "first-token"; readonly index: number }
  | { readonly kind: "pods"; readonly pods: RoutedPod[] }
  | { readonly kind: "time"; readonly byMs: number };

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("request" as const),
      model: fc.constantFrom("m", "n"),
      prompt: fc.string({ unit: fc.constantFrom("x", "y"), maxLength: 40 }),
      exclude: fc.subarray(["a", "b"]),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("end" as const),
      index: fc.nat({ max: 50 }),
      outcome: fc.constantFrom("ok" as const, "error" as const, "aborted" as const),
    }),
  },
  fc.record({ kind: fc.constant("first-token" as const), index: fc.nat({ max: 50 }) }),
  fc.record({ kind: fc.constant("pods" as const), pods: fc.shuffledSubarray([...PODS]) }),
  fc.record({ kind: fc.constant("time" as const), byMs: fc.integer({ min: 0, max: 400_000 }) }),
);

describe.each(KINDS)("$strategy $mode", (kind) => {
  it("names only ready pods that serve the model and did not just fail, and rejects when there is none", () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
        const subject = router(kind);
        let pods: readonly RoutedPod[] = PODS;
        let nowMs = 0;
        const open: string[] = [];
        const models = new Map<string, string>();
        subject.setPods(pods, nowMs);
        for (const [index, step] of actions.entries()) {
          if (step.kind === "request") {
            const { model, prompt } = step;
            const requestId = String(index);
            const record = subject.decide({ requestId, model, prompt }, nowMs, new Set(step.exclude));
            const eligible = pods
              .filter((pod) => pod.models?.includes(model) !== false && !step.exclude.includes(pod.name))
              .map((pod) => pod.name);
            if (eligible.length === 0) {
              expect(record).toMatchObject({ reason: "rejected", pod: null });
            } else {
              expect(eligible).toContain(record.pod);
              expect(record.reason === "only-pod").toBe(eligible.length === 1);
              for (const { load, costSeconds } of record.candidates) {
                expect(load).not.toBeNaN();
                expect(costSeconds).not.toBeNaN();
              }
              expect(record.matchedTokens).toBeLessThanOrEqual(prompt.length);
              open.push(requestId);
              models.set(requestId, model);
            }
            expect(JSON.parse(JSON.stringify(record))).toEqual(record);
          } else if (step.kind === "end" && open.length > 0) {
            const [requestId = ""] = open.splice(step.index % open.length, 1);
            subject.finished(requestId, step.outcome, nowMs);
          } else if (step.kind === "first-token" && open.length > 0) {
            subject.firstToken?.(open[step.index % open.length] ?? "", nowMs);
          } else if (step.kind === "pods") {
            pods = step.pods;
            subject.setPods(pods, nowMs);
          } else if (step.kind === "time") {
            nowMs += step.byMs;
            subject.tick(nowMs);
          }
          for (const { inFlight } of subject.pods()) expect(inFlight).toBeGreaterThanOrEqual(0);
        }
        for (const requestId of open) subject.finished(requestId, "ok", nowMs);
        expect(subject.pods().map((pod) => pod.inFlight)).toEqual(subject.pods().map(() => 0));
      }),
      { numRuns: 60 },
    );
  });

  it("decides the same again with the same seed", () => {
    const run = (): (string | null)[] => {
      const subject = router(kind, 7);
      subject.setPods(PODS, 0);
      return Array.from({ length: 60 }, (_, index) => {
        const request = { requestId: String(index), model: "m", prompt: String(index % 7).repeat(30 + (index % 5)) };
        return subject.decide(request, index).pod;
      });
    };
    expect(run()).toEqual(run());
  });

  it("ignores the end of a request it never placed, and a second end", () => {
    const subject = router(kind);
    subject.setPods(PODS, 0);
    subject.finished("stranger", "ok", 0);
    subject.firstToken?.("stranger", 0);
    subject.decide({ requestId: "1", model: "m", prompt: "hello" }, 0);
    subject.finished("1", "ok", 1);
    subject.finished("1", "error", 2);
    expect(subject.pods().map((pod) => pod.inFlight)).toEqual([0, 0, 0, 0]);
  });

  it("keeps two requests with one id apart", () => {
    const subject = router(kind);
    subject.setPods(PODS, 0);
    const request: RouteRequest = { requestId: "twin", model: "m", prompt: "hello" };
    subject.decide(request, 0);
    subject.decide(request, 0);
    const inFlight = (): number => subject.pods().reduce((sum, pod) => sum + pod.inFlight, 0);
    expect(inFlight()).toBe(2);
    subject.finished("twin", "ok", 1);
    expect(inFlight()).toBe(1);
    subject.finished("twin", "ok", 1);
    expect(inFlight()).toBe(0);
  });

  it("spreads prompts that share nothing over an idle fleet", () => {
    const subject = router(kind);
    subject.setPods(
      ["p", "q", "r", "s"].map((name) => ({ name, gpu: "a6000" })),
      0,
    );
    const counts = new Map<string | null, number>();
    for (let index = 0; index < 240; index++) {
      const prompt = String.fromCodePoint(0x4e00 + index).repeat(100);
      const { pod } = subject.decide({ requestId: String(index), model: "m", prompt }, index);
      subject.finished(String(index), "ok", index);
      counts.set(pod, (counts.get(pod) ?? 0) + 1);
    }
    // Outside (27, 97) a fair draw of 240 among 4 falls once in a million runs.
    for (const name of ["p", "q", "r", "s"]) {
      expect(counts.get(name)).toBeGreaterThan(27);
      expect(counts.get(name)).toBeLessThan(97);
    }
  });

  it("survives an empty prompt, and one of 131,072 tokens", () => {
    const subject = router(kind);
    subject.setPods(PODS, 0);
    const long = Array.from({ length: 131_072 }, (_, index) => index);
    for (const [index, prompt] of ["", "x", long, long.slice(0, 131_071), ""].entries()) {
      expect(subject.decide({ requestId: String(index), model: "m", prompt }, 0).pod).not.toBeNull();
    }
  });
});
