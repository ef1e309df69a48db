import { expect, it } from "vitest";
import { KeepsAnswers } from "../mutants/http/faults/answering.ts";
import { LeavesStreamsHanging, NeverForwards } from "../mutants/http/faults/receiving.ts";
import { failuresOfConformingProxy } from "../mutants/http/hunt.ts";
import { QueuesAtBusyPods } from "../mutants/http/test-queues.ts";

it.concurrent.each([
  [NeverForwards, ["THR-02", "LOAD-02", "STR-01", "AFF-01", "POD-02"], "request-not-forwarded"],
  [LeavesStreamsHanging, ["THR-02", "LOAD-02"], "request-not-forwarded"],
  [KeepsAnswers, ["THR-02", "POD-02"], "request-not-answered"],
])("fails every case in which a request is left hanging by a proxy: %o", async (Proxy, caseIds, reason) => {
  const failures = await failuresOfConformingProxy(caseIds, 1, { Proxy });
  expect(failures).toEqual(caseIds.map((id) => `${id} fail ${reason}`).toSorted(byCatalogue(failures)));
});

it("fails no case for a proxy that keeps requests back from a busy pod until it is free", async () => {
  const caseIds = ["THR-02", "LPM-02", "LOAD-03", "AFF-01", "POD-02", "STR-01", "CON-01"];
  const judged = await failuresOfConformingProxy(caseIds, 1, { Proxy: QueuesAtBusyPods });
  expect(judged.filter((line) => line.includes(" fail "))).toEqual([]);
  expect(judged).toContain("THR-02 inconclusive request-queued");
});

/** Rows come in the catalogue's order. */
function byCatalogue(rows: readonly string[]): (a: string, b: string) => number {
  const place = (line: string): number => rows.findIndex((row) => row.split(" ")[0] === line.split(" ")[0]);
  return (a, b) => place(a) - place(b);
}
