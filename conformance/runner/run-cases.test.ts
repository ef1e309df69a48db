import { expect, it } from "vitest";
import { OperationalError } from "../../fixtures/operational-error.ts";
import type { Judgement } from "../judgement.ts";
import { runCases } from "./run-cases.ts";
import type { RunEvent } from "./run-options.ts";
import { testCase, testFunctionRouter } from "./test-doubles.ts";

const failing = {
  judge: (): Judgement => ({ verdict: "fail", reason: "wrong-pod", detail: "it went wrong" }),
};

it("gives every id of the catalogue a row, whatever becomes of it", async () => {
  const report = await runCases({
    adapter: testFunctionRouter(),
    only: "THR,STR",
    catalogue: [
      testCase("THR-01"),
      testCase("THR-02", failing),
      testCase("THR-03", { unsupported: () => ({ claim: "gate", why: "the profile does not claim gate" }) }),
      testCase("THR-04", { traffic: async () => Promise.reject(new Error("bug in the kit")) }),
      testCase("THR-05", { traffic: async () => undefined }),
      testCase("STR-01", { needs: { transport: "http" } }),
      testCase("POD-01"),
    ],
  });
  expect(report.cases.map(({ id, verdict, reason }) => [id, verdict, reason])).toEqual([
    ["THR-01", "pass", undefined],
    ["THR-02", "fail", "wrong-pod"],
    ["THR-03", "unsupported", "unsupported"],
    ["THR-04", "error", "kit-broke"],
    ["THR-05", "inconclusive", "not-served"],
    ["STR-01", "unsupported", "unsupported"],
    ["POD-01", "skipped", "not-selected"],
  ]);
  expect(report.footer.counts).toEqual({ pass: 1, fail: 1, unsupported: 2, error: 1, inconclusive: 1, skipped: 1 });
  expect(report.cases[1]?.reproduce).toBe("routeproof verify --only THR-02 --seed 1");
});

it("asks nothing to outlive a change of pods of a router that is restarted for each", async () => {
  const catalogue = [testCase("POD-01", { needs: { transport: "any", podChanges: ["add"], outlivesChanges: true } })];
  const verdicts = async (restartsForPods: boolean) => {
    const { cases } = await runCases({ adapter: { ...testFunctionRouter(), restartsForPods }, catalogue });
    return cases.map(({ verdict }) => verdict);
  };
  expect(await verdicts(false)).toEqual(["pass"]);
  expect(await verdicts(true)).toEqual(["unsupported"]);
});

it("asks for no order of pods where the router is told of them one by one", async () => {
  const catalogue = [testCase("POD-10", { needs: { transport: "any", podChanges: ["start"] } })];
  const verdict = async (listsPods: boolean) =>
    (await runCases({ adapter: { ...testFunctionRouter(), listsPods }, catalogue })).cases[0]?.verdict;
  expect([await verdict(true), await verdict(false)]).toEqual(["pass", "unsupported"]);
});

it("ends at once with a whole report when it is told so, whatever keeps the case under way", async () => {
  const now = new AbortController();
  const stuck = testCase("THR-01", {
    traffic: async () => {
      queueMicrotask(() => now.abort());
      await new Promise(() => undefined);
    },
  });
  const report = await runCases({
    adapter: testFunctionRouter(),
    catalogue: [stuck, testCase("THR-02")],
    now: now.signal,
  });
  expect(report.cases.map(({ verdict, reason }) => `${verdict} ${reason}`)).toEqual([
    "not-run interrupted",
    "not-run interrupted",
  ]);
  expect(report.footer.exitCode).toBe(2);
});

it("is an error, not a failure of the router, when the router does not start", async () => {
  const report = await runCases({
    adapter: {
      ...testFunctionRouter(),
      start: () => Promise.reject(new OperationalError("ADAPTER_FAILED", "cannot run router: no such program")),
    },
    catalogue: [testCase("THR-01")],
  });
  expect(report.cases[0]).toMatchObject({ verdict: "not-run", reason: "router-did-not-start" });
  expect(report.footer).toMatchObject({ verdict: "error", exitCode: 3, error: "cannot run router: no such program" });
});

it("forgives known failures, and fails on an entry that passes or matches nothing", async () => {
  const run = (pattern: string, sometimes = false) =>
    runCases({
      adapter: testFunctionRouter(),
      catalogue: [testCase("THR-01"), testCase("THR-02", failing)],
      knownFailing: [{ pattern, reason: "tracked", link: "https://example.com/1", sometimes }],
    });
  expect((await run("THR-02")).footer).toMatchObject({ exitCode: 0, knownFailing: 1, stale: [] });
  expect((await run("THR-0*")).footer).toMatchObject({ exitCode: 1, stale: [`"THR-0*": THR-01 passes`] });
  expect((await run("THR-0*", true)).footer).toMatchObject({ exitCode: 0, knownFailing: 1, stale: [] });
  expect((await run("THR-09", true)).footer).toMatchObject({ exitCode: 1, stale: [`"THR-09" matches no case`] });
});

it("runs in the same drawn order for the same seed, and gives rows of the report in the catalogue's", async () => {
  const catalogue = Array.from({ length: 20 }, (_, index) => testCase(`THR-${String(index + 10)}`));
  const begun = async (seed: number): Promise<string[]> => {
    const order: string[] = [];
    const onEvent = (event: RunEvent): void => {
      if (event.type === "begin") order.push(event.id);
    };
    const report = await runCases({ adapter: testFunctionRouter(), catalogue, seed, shuffle: true, onEvent });
    expect(report.cases.map(({ id }) => id)).toEqual(catalogue.map(({ id }) => id));
    return order;
  };
  expect(await begun(3)).toEqual(await begun(3));
  expect(await begun(3)).not.toEqual(await begun(4));
});

it("marks what did not run as not-run when interrupted or out of time", async () => {
  const interrupt = new AbortController();
  const interrupted = await runCases({
    adapter: testFunctionRouter(),
    catalogue: [testCase("THR-01", { traffic: async () => interrupt.abort() }), testCase("THR-02")],
    signal: interrupt.signal,
  });
  expect(interrupted.cases[1]).toMatchObject({ verdict: "not-run", reason: "interrupted" });
  expect(interrupted.footer.exitCode).toBe(2);
  const never = testCase("THR-01", { traffic: () => new Promise(() => undefined) });
  const stop = new AbortController();
  const onEvent = (): void => queueMicrotask(() => stop.abort());
  const midway = await runCases({ adapter: testFunctionRouter(), catalogue: [never], signal: stop.signal, onEvent });
  expect(midway.cases[0]).toMatchObject({ verdict: "not-run", reason: "interrupted" });
  const late = await runCases({ adapter: testFunctionRouter(), catalogue: [testCase("THR-01")], maxTimeMs: 0 });
  expect(late.cases[0]).toMatchObject({ verdict: "not-run", reason: "time-is-up" });
  const endless = testCase("THR-01", { traffic: () => new Promise(() => undefined) });
  const cut = await runCases({ adapter: testFunctionRouter(), catalogue: [endless], maxTimeMs: 20 });
  expect(cut.cases[0]).toMatchObject({ verdict: "not-run", reason: "time-is-up" });
});

it("has a row for every case when the router does not start again in the middle", async () => {
  let starts = 0;
  const router = testFunctionRouter();
  const report = await runCases({
    adapter: {
      ...router,
      start: async (options) => {
        if (++starts > 2) throw new OperationalError("ADAPTER_FAILED", "it did not start again");
        return router.start(options);
      },
    },
    isolation: "L2",
    catalogue: ["THR-01", "THR-02", "THR-03", "THR-04"].map((id) => testCase(id)),
  });
  expect(report.cases.map(({ verdict, reason }) => [verdict, reason])).toEqual([
    ["pass", undefined],
    ["pass", undefined],
    ["not-run", "run-broke-off"],
    ["not-run", "run-broke-off"],
  ]);
  expect(report.footer).toMatchObject({ verdict: "error", exitCode: 3, error: "it did not start again" });
});

it("repeats in the header what the run was asked for, so that pasting it makes the same run", async () => {
  const options = { adapter: testFunctionRouter(), catalogue: [testCase("THR-01")], seed: 7 };
  const asked = {
    only: "THR,R-T*",
    shuffle: true,
    isolation: "L2",
    slow: true,
    strict: true,
    maxTimeMs: 5000,
  } as const;
  expect((await runCases({ ...options, ...asked })).header.reproduce).toBe(
    "routeproof verify --only 'THR,R-T*' --seed 7 --shuffle --isolation L2 --slow --strict --max-time 5",
  );
  expect((await runCases(options)).header.reproduce).toBe("routeproof verify --seed 7");
});
