import { expect, it } from "vitest";
import { proxyAdapter } from "../mutants/http/proxy-adapter.ts";
import { runCases } from "../runner/run-cases.ts";
import { testCase } from "../runner/test-doubles.ts";

it("blames the machine, not the router, for a failure in a case in which the kit stood still", async () => {
  const standsStill = testCase("POD-01", {
    needs: { transport: "http" },
    traffic: async (lab) => {
      await lab.send(lab.corpus.namespace().prompt([]), { label: "seed" });
      const untilMs = performance.now() + 400;
      while (performance.now() < untilMs);
      await lab.send(lab.corpus.namespace().prompt([]), { label: "seed" });
    },
    judge: () => ({ verdict: "fail", reason: "request-not-served", detail: "status 503" }),
  });
  const reasonOf = async (healthMs?: number): Promise<string | undefined> => {
    const adapter = proxyAdapter(healthMs === undefined ? {} : { habits: { healthMs } });
    return (await runCases({ adapter, catalogue: [standsStill] })).cases[0]?.reason;
  };
  expect(await reasonOf(800)).toBe("machine-too-slow");
  expect(await reasonOf()).toBe("request-not-served");
});
