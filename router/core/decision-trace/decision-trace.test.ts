import { describe, expect, it } from "vitest";
import { checkDecisionTraces, promptTokens } from "./decision-trace.ts";

const good = { model: "m", tokens: [[1, 3]], ready: ["a", "b"] };

function check(...steps: unknown[]): unknown {
  return checkDecisionTraces([{ id: "x", steps }], "trace.json");
}

describe("a decision trace", () => {
  it("may carry what another implementation answered", () => {
    const answers = {
      branch: "cost",
      matchedTokens: 0,
      allowed: ["a"],
      loads: { a: 0 },
      costsAfterSeconds: { a: 6.812 },
    };
    expect(check({ ...good, ...answers, picked: "a", atMs: 0 })).toHaveLength(1);
  });

  it.each([
    ["a list of traces is needed", { id: "x", steps: [] }, /^trace\.json: \/: .* must be array$/],
    ["a misspelt key", [{ id: "x", step: [] }], /^trace\.json: \/0: unknown key "step"; allowed: .* \(trace "x"\)$/],
    [
      "an unknown mode",
      [{ id: "x", mode: "best", steps: [] }],
      /^trace\.json: \/0\/mode: "best" is not one of "corrected", /,
    ],
  ])("is refused by pointer and what is allowed: %s", (_what, value, message) => {
    expect(() => checkDecisionTraces(value, "trace.json")).toThrow(message);
  });

  it.each([
    ["no prompt", { model: "m", ready: [] }, `/0/steps/0: needs either "tokens" or "text"`],
    ["two prompts", { ...good, text: "x" }, `/0/steps/0: needs either "tokens" or "text"`],
    [
      "a range that goes down",
      {
        ...good,
        tokens: [
          [1, 3],
          [5, 2],
        ],
      },
      "/0/steps/0/tokens/1: [5, 2] goes down; allowed: [from, to]",
    ],
    ["a pick that is not ready", { ...good, picked: "c" }, `/0/steps/0/picked: "c" is not ready; allowed: a, b`],
    ["a pick where nobody is ready", { ...good, ready: [], picked: "a" }, "allowed: nothing, as no pod is ready"],
    ["more tokens than any context", { ...good, tokens: [[0, 2_000_000]] }, "2000001 tokens; allowed: at most 1048576"],
  ])("is refused where a step makes no sense: %s", (_what, step, message) => {
    expect(() => check(step)).toThrow(message);
  });

  it.each([
    ["no trace", [], /^trace\.json: \/: \[\] holds no trace/],
    [
      "one id twice",
      [
        { id: "x", steps: [] },
        { id: "x", steps: [] },
      ],
      /\/1\/id: "x" is the id of \/0 as well/,
    ],
    [
      "an unknown card",
      [{ id: "x", gpu: "h100", steps: [] }],
      /\/0\/gpu: unknown GPU profile "h100"; there are a6000, .*x"\)$/,
    ],
    [
      "a token that is none",
      [
        {
          id: "long",
          steps: [
            good,
            {
              ...good,
              tokens: [
                [1, 3],
                [-1, 3],
              ],
            },
          ],
        },
      ],
      /^trace\.json: \/0\/steps\/1\/tokens\/1\/0: -1 must be >= 0 \(trace "long", step 2\)$/,
    ],
    ["an id that is none", [{ id: 7, steps: [] }], /^trace\.json: \/0\/id: 7 must be string$/],
  ])("is refused by trace and step, as they are printed: %s", (_what, value, message) => {
    expect(() => checkDecisionTraces(value, "trace.json")).toThrow(message);
  });

  it("takes a card in any case, as AIBrix writes it", () => {
    expect(checkDecisionTraces([{ id: "x", gpu: "V100", steps: [good] }], "t")).toHaveLength(1);
  });

  it("is refused where time runs backwards", () => {
    expect(() => check({ ...good, atMs: 10 }, good, { ...good, atMs: 9 })).toThrow(
      "/0/steps/2/atMs: 9 is before 10 of the step before",
    );
  });

  it("writes token ids as ranges with both ends", () => {
    expect([
      ...promptTokens([
        [1, 3],
        [7, 7],
      ]),
    ]).toEqual([1, 2, 3, 7]);
    expect([...promptTokens([])]).toEqual([]);
  });
});
