import { expect, it } from "vitest";
import { proxyAdapter } from "../mutants/http/proxy-adapter.ts";
import { runCases } from "../runner/run-cases.ts";
import { testCase } from "../runner/test-doubles.ts";

it("leaves nothing of a case that broke off to the next one", async () => {
  const breaksOff = testCase("ERR-01", {
    needs: { transport: "http" },
    traffic: async (lab) => {
      await lab.http?.pods.setUp(lab.pods()[0] ?? "", false);
      throw new Error("a bug in the case");
    },
  });
  const { cases } = await runCases({
    adapter: proxyAdapter(),
    catalogue: [breaksOff, testCase("ERR-02"), testCase("ERR-03")],
  });
  expect(cases.map(({ verdict }) => verdict)).toEqual(["error", "pass", "pass"]);
});
