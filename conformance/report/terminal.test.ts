import { expect, it } from "vitest";
import { runCases } from "../runner/run-cases.ts";
import { testCase, testFunctionRouter } from "../runner/test-doubles.ts";
import { terminalReport } from "./terminal.ts";

/** What the terminal says of so many cases that there is no time for. */
async function linesOf(count: number): Promise<readonly string[]> {
  const catalogue = Array.from({ length: count }, (_, index) => testCase(`A-${10 + index}`));
  return terminalReport(await runCases({ adapter: testFunctionRouter(), catalogue, maxTimeMs: 0 }), false);
}

it("says in one line of many cases that they were not run", async () => {
  const lines = (await linesOf(20)).filter((line) => /A-\d\d|not run/.test(line));
  expect(lines).toEqual(["    .   20 cases were not run: time-is-up"]);
});

it("names each of a few cases that were not run, with the reason", async () => {
  const lines = (await linesOf(2)).filter((line) => line.includes("time-is-up"));
  expect(lines.map((line) => /A-\d\d/.exec(line)?.[0])).toEqual(["A-10", "A-11"]);
});
