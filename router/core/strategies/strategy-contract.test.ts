/** What every strategy promises, whatever it prefers. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { DecisionRecord, Outcome, RoutedPod, RouteRequest } from "../../../fixtures/routing.ts";
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

/** Every way a request can leave its pod; `computed` where the pod has surely run the prompt. */
const EXITS = [
  { outcome: "ok", firstToken: "seen", computed: true },
  { outcome: "error", firstToken: "seen", computed: false },
  { outcome: "error", firstToken: "not seen", computed: false },
  { outcome: "aborted", firstToken: "seen", computed: true },
  { outcome: "aborted", firstToken: "not seen", computed: false },
] as const;

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

  it.each(EXITS)(
    "gives the place back at an end by $outcome, first token $firstToken, and owns what was computed",
    (exit) => {
      const subject = router(kind);
      subject.setPods(PODS, 0);
      const prompt = "wombat".repeat(20);
      const decide = (requestId: string): DecisionRecord => subject.decide({ requestId, model: "m", prompt }, 0);
      decide("1");
      expect(subject.pods().map((pod) => pod.inFlight)).toContain(1);
      if (exit.firstToken === "seen") subject.firstToken?.("1", 1);
      subject.finished("1", exit.outcome, 2);
      expect(subject.pods().map((pod) => pod.inFlight)).toEqual([0, 0, 0, 0]);
      // The merged code hears of no end; strategies without an index know nothing anyway.
      const knows = subject.strategy.view !== undefined && (exit.computed || kind.mode === "aibrix-719");
      expect(decide("2").matchedTokens > 0).toBe(knows);
      // Once more for a request that others rest on: what an earlier one computed stays.
      subject.finished("2", "ok", 3);
      decide("3");
      subject.finished("3", exit.outcome, 4);
      expect(decide("4").matchedTokens > 0).toBe(subject.strategy.view !== undefined);
    },
  );

  it("leaves nothing behind when everything in flight fails, whatever came between", () => {
    const subject = router(kind);
    subject.setPods(PODS, 0);
    for (let index = 0; index < 60; index++) {
      const prompt = "xy".repeat(index % 9) + String(index % 5).repeat(30);
      subject.decide({ requestId: String(index), model: "m", prompt }, index);
      if (index % 3 === 0) subject.finished(String(index), "aborted", index);
    }
    for (let index = 0; index < 60; index++) subject.finished(String(index), "error", 100);
    expect(subject.pods().map((pod) => pod.inFlight)).toEqual([0, 0, 0, 0]);
    for (const pod of subject.pods())
      if (kind.mode !== "aibrix-719") expect([0, undefined]).toContain(subject.strategy.recentLoad?.(pod).seconds(100));
    if (kind.mode !== "aibrix-719") expect(subject.strategy.view?.(1, 100).storedTokens ?? 0).toBe(0);
  });

  it("takes a pod that lost its cache for one that holds nothing and still has its requests", () => {
    const subject = router(kind);
    subject.setPods([PODS[0] as RoutedPod, PODS[1] as RoutedPod], 0);
    const prompt = "wombat".repeat(20);
    const sendToA = (requestId: string): DecisionRecord =>
      subject.decide({ requestId, model: "m", prompt }, 0, new Set(["b"]));
    const knownTokens = sendToA("1") && sendToA("2").candidates[0]?.matchedTokens;
    subject.forget?.("a");
    subject.forget?.("no such pod");
    expect(subject.pods().map((pod) => pod.inFlight)).toEqual([2, 0]);
    const again = sendToA("3");
    // The merged code has no way to hear of it.
    expect(again.candidates[0]?.matchedTokens).toBe(kind.mode === "aibrix-719" ? knownTokens : 0);
    // What failed rested on what is forgotten, and takes nothing from what was learnt since.
    for (const requestId of ["1", "2"]) subject.finished(requestId, "error", 1);
    if (subject.strategy.view !== undefined && kind.mode !== "aibrix-719")
      expect(sendToA("4").candidates[0]?.matchedTokens).toBeGreaterThan(0);
    subject.finished("3", "ok", 2);
  });

  it("takes a pod that stopped serving a model, and serves it again, for one that holds nothing of it", () => {
    const subject = router(kind);
    const serving = (models?: readonly string[]): void =>
      subject.setPods([{ name: "a", ...(models === undefined ? {} : { models }) }, { name: "b" }], 0);
    serving();
    const prompt = "wombat".repeat(20);
    const held = (model: string): number | undefined => {
      const record = subject.decide({ requestId: model, model, prompt }, 0, new Set(["b"]));
      subject.finished(model, "ok", 0);
      return record.candidates[0]?.matchedTokens;
    };
    const knows = subject.strategy.view !== undefined && kind.mode !== "aibrix-719";
    held("m");
    held("n");
    serving(["m", "n"]);
    expect([held("m"), held("n")].every((tokens) => (tokens ?? 0) > 0)).toBe(knows);
    serving(["m"]);
    serving(["m", "n"]);
    expect((held("m") ?? 0) > 0).toBe(knows);
    if (kind.mode !== "aibrix-719") expect(held("n")).toBe(0);
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
