import { expect, it } from "vitest";
import { PLAIN_RULE } from "../pure/rule.ts";
import { HTTP_FAULTS } from "./http-fault.ts";
import { HTTP_MUTANTS } from "./http-mutants.ts";
import { HTTP_VARIANTS } from "./http-variants.ts";
import { failuresOfConformingProxy, huntHttpMutant } from "./hunt.ts";
import type { ProxyHabits } from "./proxy-habits.ts";

/** Of every kind that goes by loads. */
const RULE_CASES = ["THR-01", "LPM-01", "LOAD-01", "LOAD-02", "LOAD-05", "HOT-01", "CON-04", "TOK-05", "THR-08"];

/** What measures time must not share it. */
const [timed, others] = [true, false].map((isTimed) =>
  HTTP_MUTANTS.filter(({ caseId }) => caseId.startsWith("PERF-") === isTimed).map(
    (mutant) => [`${mutant.id} (${mutant.caseId})`, mutant] as const,
  ),
);

it.concurrent.each(others ?? [])("catches %s over real sockets", async (_name, mutant) => {
  expect(await huntHttpMutant(mutant, 1)).toBe(`fail ${mutant.reason}`);
});

it.each(timed ?? [])("catches %s over real sockets, alone", async (_name, mutant) => {
  expect(await huntHttpMutant(mutant, 1)).toBe(`fail ${mutant.reason}`);
});

it("passes the conforming proxy in every case that catches a broken one", async () => {
  const caseIds = [...new Set(HTTP_MUTANTS.map(({ caseId }) => caseId))];
  expect(await failuresOfConformingProxy(caseIds, 1)).toEqual([]);
});

const habitual = new Map(
  HTTP_MUTANTS.flatMap(({ caseId, habits }) => (habits === undefined ? [] : [[caseId, habits]])),
);

it.concurrent.each([...habitual])(
  "passes the conforming proxy with the habits that this rests on: %s",
  async (caseId, habits) => {
    expect(await failuresOfConformingProxy([caseId], 1, undefined, habits)).toEqual([]);
  },
);

it.each(HTTP_VARIANTS.map(({ name, rule }) => [name, rule] as const))(
  "passes the conforming proxy by another rule: %s",
  async (_name, rule) => {
    expect(await failuresOfConformingProxy(RULE_CASES, 1, rule)).toEqual([]);
  },
);

/** What real gateways do, and a careless kit would take for a mistake. */
const ODD_HABITS: readonly ProxyHabits[] = [{ asksEveryPod: true }, { tellsBrokenStreams: true }];

it.each(ODD_HABITS.map((habits) => [Object.keys(habits).join(), habits] as const))(
  "passes the conforming proxy with an odd habit: %s",
  async (_name, habits) => {
    const caseIds = ["THR-02", "LOAD-03", "STR-02", "STR-06", "STR-07", "ERR-04", "ERR-05", "CON-01"];
    expect(await failuresOfConformingProxy(caseIds, 1, undefined, habits)).toEqual([]);
  },
);

/** A careless kit would judge before the router has had the time that it claims to need. */
const SLOW_HABITS: readonly ProxyHabits[] = [{ settleMs: 400 }, { convergenceMs: 300 }];

it.concurrent.each(SLOW_HABITS.map((habits) => [Object.keys(habits).join(), habits] as const))(
  "waits as long as the conforming proxy claims to need: %s",
  async (_name, habits) => {
    const caseIds = ["LOAD-02", "POD-02", "POD-04", "ERR-10", "CON-02"];
    expect(await failuresOfConformingProxy(caseIds, 1, { ...PLAIN_RULE, ties: "rotate" }, habits)).toEqual([]);
  },
);

it("has patience with a conforming proxy that takes its time with every piece", async () => {
  expect(await failuresOfConformingProxy(["STR-01", "STR-02", "STR-07"], 1, PLAIN_RULE, { pieceMs: 300 })).toEqual([]);
});

it("has a mutant for every fault of the proxy", () => {
  const used = new Set(HTTP_MUTANTS.map(({ broken }) => broken.passing));
  expect(Object.keys(HTTP_FAULTS).filter((fault) => !used.has(fault as never))).toEqual([]);
});
