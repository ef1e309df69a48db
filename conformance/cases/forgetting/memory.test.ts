import { expect, it } from "vitest";
import type { Observation } from "../../observation.ts";
import { memoryCases } from "./memory.ts";

const MEBIBYTE = 2 ** 20;

function verdictOn(sizes: readonly (number | undefined)[]): string {
  const observation: Observation = {
    caseId: "EVI-09",
    seed: 1,
    transport: "http",
    steps: [{ kind: "note", label: "resident-bytes", data: sizes, atMs: 0 }],
  };
  const judgement = memoryCases[0]?.judge(observation, {});
  return judgement === undefined || judgement.verdict === "pass" ? "pass" : `${judgement.verdict} ${judgement.reason}`;
}

it("passes a router whose index was full after the first half", () => {
  expect(verdictOn([80 * MEBIBYTE, 400 * MEBIBYTE, 420 * MEBIBYTE])).toBe("pass");
});

it("passes one that needs less in the end", () => {
  expect(verdictOn([80 * MEBIBYTE, 60 * MEBIBYTE, 50 * MEBIBYTE])).toBe("pass");
});

it("fails one that holds as much again for the second half, were it only the text", () => {
  expect(verdictOn([80 * MEBIBYTE, 141 * MEBIBYTE, 202 * MEBIBYTE])).toBe("fail memory-keeps-growing");
});

it("decides nothing where memory could not be read", () => {
  expect(verdictOn([80 * MEBIBYTE, undefined, 90 * MEBIBYTE])).toBe("inconclusive precondition-not-met");
});
