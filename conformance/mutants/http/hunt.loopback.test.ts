import { expect, it } from "vitest";
import { PLAIN_RULE } from "../pure/rule.ts";
import * as answering from "./faults/answering.ts";
import * as choosing from "./faults/choosing.ts";
import * as counting from "./faults/counting.ts";
import * as forwarding from "./faults/forwarding.ts";
import * as hearing from "./faults/hearing.ts";
import * as reading from "./faults/reading.ts";
import * as receiving from "./faults/receiving.ts";
import * as rewriting from "./faults/rewriting.ts";
import * as streaming from "./faults/streaming.ts";
import { HTTP_MUTANTS } from "./http-mutants.ts";
import { HTTP_VARIANTS } from "./http-variants.ts";
import { failuresOfConformingProxy, huntHttpMutant } from "./hunt.ts";
import { runCases } from "../../runner/run-cases.ts";
import { nameOf, proxyAdapter } from "./proxy-adapter.ts";
import * as oddHabits from "./odd-habits.ts";
import * as slowHabits from "./test-slow-habits.ts";

/** Of every kind that goes by loads. */
const RULE_CASES = [
  "THR-01",
  "LPM-01",
  "LPM-03",
  "LOAD-01",
  "LOAD-02",
  "LOAD-05",
  "HOT-01",
  "CON-04",
  "TOK-05",
  "THR-08",
];

/** What measures time must not share it, nor what takes minutes of it, nor what claims to hear of events so soon that the kit may hardly stand still. */
const [timed, others] = [true, false].map((isTimed) =>
  HTTP_MUTANTS.filter(({ caseId }) => /^PERF-|^EVI-10$|^STR-25$/.test(caseId) === isTimed).map(
    (mutant) => [`${mutant.id} ${nameOf(mutant.broken)} (${mutant.caseId})`, mutant] as const,
  ),
);

it.concurrent.each(others ?? [])("catches %s over real sockets", async (_name, mutant) => {
  expect(await huntHttpMutant(mutant, 1)).toBe(`fail ${mutant.reason}`);
});

it.each(timed ?? [])("catches %s over real sockets, alone", async (_name, mutant) => {
  expect(await huntHttpMutant(mutant, 1)).toBe(`fail ${mutant.reason}`);
});

it.concurrent.each([receiving.Always503, receiving.NeverCallsAPod])(
  "passes no case by being silent towards pods: %o",
  async (Proxy) => {
    const caseIds = ["SPL-05", "STR-06", "ERR-01", "TOK-02", "TOK-06", "TOK-07"];
    const verdicts = await failuresOfConformingProxy(caseIds, 1, { Proxy });
    expect(verdicts.map((line) => line.split(" ")[0])).toEqual(caseIds);
  },
);

// Whether a conforming one is fast enough is for a quiet machine to say: the self-test asks.
it("passes the conforming proxy in every case that catches a broken one, but for those that measure time", async () => {
  const caseIds = [...new Set((others ?? []).map(([, { caseId }]) => caseId))];
  expect(await failuresOfConformingProxy(caseIds, 1)).toEqual([]);
});

const habitual = new Map(
  HTTP_MUTANTS.flatMap(({ caseId, broken: { habits } }) =>
    habits === undefined ? [] : [[`${caseId} ${JSON.stringify(habits)}`, { caseId, habits }]],
  ),
);

it.concurrent.each([...habitual])(
  "passes the conforming proxy with the habits that this rests on: %s",
  async (_name, { caseId, habits }) => {
    expect(await failuresOfConformingProxy([caseId], 1, { habits })).toEqual([]);
  },
);

it.each(HTTP_VARIANTS.map(({ name, rule }) => [name, rule] as const))(
  "passes the conforming proxy by another rule: %s",
  async (_name, rule) => {
    expect(await failuresOfConformingProxy(RULE_CASES, 1, { rule })).toEqual([]);
  },
);

const SLOW_HABITS = [
  { Proxy: slowHabits.HerdsOnOldPods, habits: { settleMs: 400 } },
  { Proxy: slowHabits.NoticesPodsLate, habits: { convergenceMs: 300 } },
  { Proxy: slowHabits.NoticesByWorker, habits: { convergenceMs: 300 } },
] as const;

it.concurrent.each(SLOW_HABITS.map((make) => [make.Proxy.name, make] as const))(
  "waits as long as the conforming proxy claims to need: %s",
  async (_name, make) => {
    const caseIds = ["LOAD-02", "LOAD-19", "POD-02", "POD-04", "POD-08", "ERR-10", "CON-02"];
    const rule = { ...PLAIN_RULE, ties: "rotate" } as const;
    expect(await failuresOfConformingProxy(caseIds, 1, { ...make, rule })).toEqual([]);
  },
);

it("loses no request to a conforming proxy that hangs up on idle connections when pods change", async () => {
  const make = { Proxy: slowHabits.HangsUpOnChange, habits: { convergenceMs: 100 } };
  expect(await failuresOfConformingProxy(["CON-02", "CON-05", "POD-04", "POD-07"], 1, make)).toEqual([]);
});

it("has patience with a conforming proxy that takes its time with every piece", async () => {
  const make = { Proxy: slowHabits.TakesItsTime };
  expect(await failuresOfConformingProxy(["STR-01", "STR-02", "STR-07"], 1, make)).toEqual([]);
});

it("has a mutant for every fault of the proxy", () => {
  const used = new Set(HTTP_MUTANTS.map(({ broken }) => broken.Proxy));
  const faults = [answering, choosing, counting, forwarding, hearing, reading, receiving, rewriting, streaming].flatMap(
    (each) => Object.values(each),
  );
  expect(faults.filter((fault) => !used.has(fault)).map(({ name }) => name)).toEqual([]);
});

it.each(Object.entries(oddHabits))("passes the conforming proxy with an odd habit: %s", async (_name, Proxy) => {
  const routing = ["THR-02", "THR-10", "LOAD-03", "LOAD-08", "LOAD-27"];
  const gateway = [
    "STR-02",
    "STR-03",
    "STR-06",
    "STR-07",
    "STR-10",
    "STR-11",
    "STR-15",
    "ERR-04",
    "ERR-05",
    "ERR-15",
    "CON-01",
  ];
  expect(await failuresOfConformingProxy([...routing, ...gateway], 1, { Proxy })).toEqual([]);
});

it("passes the conforming proxy that learns a moment after its client has the last byte", async () => {
  const rule = { ...PLAIN_RULE, insertAt: "response" } as const;
  const caseIds = ["THR-02", "LPM-01", "ERR-09"];
  expect(await failuresOfConformingProxy(caseIds, 1, { rule, Proxy: oddHabits.NoticesEndsLate })).toEqual([]);
});

it("fails no conforming proxy without a profile that reads once in a while what its pods report", async () => {
  const make = { habits: { scrapeMs: 1_000 }, rule: { ...PLAIN_RULE, ties: "first" } } as const;
  const report = await runCases({ adapter: { ...proxyAdapter(make), profile: {} }, only: "POD-01,POD-04", seed: 1 });
  expect(report.cases.filter(({ verdict }) => verdict === "fail" || verdict === "inconclusive")).toEqual([]);
});

/** Whatever is left out, what can still be judged is judged, and the rest is unsupported. */
it.concurrent.each(["gate", "insert", "owners", "exploration", "evict", "isolation", "load", "cold", "exact"] as const)(
  "leaves nothing undecided for the conforming proxy that does not say its %s",
  async (silent) => {
    const { [silent]: _claim, ...profile } = proxyAdapter().profile;
    const only = "THR-02,LPM-01,SPL-04,LOAD-02,AFF-01";
    const { cases } = await runCases({ adapter: { ...proxyAdapter(), profile }, only, seed: 1 });
    const verdicts = new Set(cases.filter(({ id }) => only.includes(id)).map(({ verdict }) => verdict));
    expect([...verdicts].filter((verdict) => verdict !== "pass" && verdict !== "unsupported")).toEqual([]);
  },
);
