import { expect, it } from "vitest";
import type { Observation, SentStep } from "../../observation.ts";
import { judgeFresh } from "./spread.ts";

const PODS = ["a", "b", "c", "d"];

/** Fresh prompts of which each pod got so many. */
function fresh(...counts: readonly number[]): Observation {
  const sent = counts.flatMap((count, index) =>
    Array.from({ length: count }, (_, turn): SentStep => {
      const pod = PODS[index] ?? "";
      const requestId = `${pod}${turn}`;
      const prompt = { cells: ["nonce"], text: requestId };
      const one = { kind: "sent", label: "fresh", model: "m", status: 200, held: false, startMs: 0, endMs: 0 } as const;
      return { ...one, requestId, prompt, attempts: [pod], pod };
    }),
  );
  const pods = { kind: "pods", change: "start", pod: null, pods: PODS, atMs: 0 } as const;
  return { caseId: "LOAD-01", seed: 1, transport: "http", steps: [pods, ...sent] };
}

it("counts the pod that got too few when none got too many, and says of how many that is too few", () => {
  const judgement = judgeFresh(fresh(9, 71, 80, 80));
  expect(judgement).toMatchObject({ verdict: "fail", statistic: { n: 240, observed: 9 } });
  expect(judgement.verdict === "fail" && judgement.statistic?.bound).toMatch(/fails under \d\d$/);
});

it("counts the pod that got most otherwise, and gives the rate in digits that mean something", () => {
  const judgement = judgeFresh(fresh(30, 50, 20, 140));
  expect(judgement).toMatchObject({ verdict: "fail", statistic: { observed: 140 } });
  expect(judgement.verdict === "fail" && String(judgement.statistic?.falsePositiveRate)).toMatch(/^\d(\.\d)?e-7$/);
  expect(judgeFresh(fresh(60, 60, 60, 60))).toMatchObject({ verdict: "pass", statistic: { observed: 60 } });
});
