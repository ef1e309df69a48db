import { describe, expect, it } from "vitest";
import { readJsonFile } from "../../../fixtures/schema.ts";
import { checkDecisionTraces, type DecisionTrace } from "../decision-trace/decision-trace.ts";
import { playDecisions, type DecisionResult } from "../decision-trace/play-decisions.ts";

const golden = new URL("../../../fixtures/golden/aibrix-719-decisions.json", import.meta.url).pathname;

function play(trace: DecisionTrace): DecisionResult[] {
  return [...playDecisions(trace, { mode: "aibrix-719", gpu: "v100", tokenizer: { encode: () => [] } })];
}

describe("the merged code's golden traces, step by step", () => {
  it.each(checkDecisionTraces(readJsonFile(golden), golden))("$id $title", (trace) => {
    const results = play(trace);
    expect(results).toHaveLength(trace.steps.length);
    for (const [index, step] of trace.steps.entries()) {
      const result = results[index];
      expect(result).toMatchObject({ branch: step.branch, allowed: step.allowed, picked: step.picked });
      for (const [pod, cost] of Object.entries(step.costsAfterSeconds ?? {})) {
        expect(result?.costsAfterSeconds[pod]).toBeCloseTo(cost, 6);
      }
    }
  });
});
