import { expect, it } from "vitest";
import { HTTP_FAULTS } from "./http-fault.ts";
import { HTTP_HABITS, type HttpHabit } from "./http-habit.ts";
import { HTTP_MUTANTS } from "./http-mutants.ts";
import { failuresOfConformingProxy, huntHttpMutant } from "./hunt.ts";

it.concurrent.each(HTTP_MUTANTS.map((mutant) => [`${mutant.id} (${mutant.caseId})`, mutant] as const))(
  "catches %s over real sockets",
  async (_name, mutant) => {
    expect(await huntHttpMutant(mutant, 1)).toBe(`fail ${mutant.reason}`);
  },
);

it("passes the conforming proxy in every case that catches a broken one", async () => {
  const caseIds = [...new Set(HTTP_MUTANTS.map(({ caseId }) => caseId))];
  expect(await failuresOfConformingProxy(caseIds, 1)).toEqual([]);
});

it.each(Object.keys(HTTP_HABITS) as HttpHabit[])("passes a right proxy with a habit: %s", async (habit) => {
  const caseIds = ["THR-02", "LOAD-03", "STR-02", "STR-06", "STR-07", "ERR-04", "ERR-05", "CON-01"];
  expect(await failuresOfConformingProxy(caseIds, 1, { habit })).toEqual([]);
});

it("has a mutant for every fault of the proxy", () => {
  const used = new Set(HTTP_MUTANTS.map(({ broken }) => broken.passing));
  expect(Object.keys(HTTP_FAULTS).filter((fault) => !used.has(fault as never))).toEqual([]);
});
