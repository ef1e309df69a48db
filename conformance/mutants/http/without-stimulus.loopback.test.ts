import { expect, it } from "vitest";
import type { Case } from "../../case.ts";
import { CASES } from "../../cases/index.ts";
import type { CaseRow } from "../../runner/report-rows.ts";
import { runCases } from "../../runner/run-cases.ts";
import { HTTP_STIMULI, STIMULI, type Stimulus, withoutStimulus } from "../test-without-stimulus.ts";
import { NO_COLUMN } from "./http-matrix.ts";
import { HTTP_MUTANTS } from "./http-mutants.ts";
import { proxyAdapter } from "./proxy-adapter.ts";
import type { ProxyHabits } from "./proxy-habits.ts";

/** Cases that may pass without the stimulus, because it is not what they rest on: they are not asked. */
const SHOWN_WITHOUT_IT: Readonly<Partial<Record<Stimulus, readonly string[]>>> = {
  // Its bursts overlap each other all the same.
  hold: ["CON-02"],
  // Pods come and go as chance has it: that one came is asked of each run.
  "remove a pod": ["CON-05"],
  // What a router refuses itself reaches no pod.
  "fail at the pod": ["ERR-07"],
  // And what an engine says by itself will do.
  "answer as scripted": ["ERR-07", "ERR-15", "TOK-06", "CON-03"],
  // They come together to save time, or to reach a pod that is surely used: they look whether it was.
  "come at once": [
    "POD-13",
    "POD-16",
    "STR-24",
    "LOAD-22",
    "ERR-06",
    "ERR-08",
    "ERR-10",
    "ERR-11",
    "ERR-15",
    "TOK-09",
    "OBS-02",
    "OBS-03",
  ],
};

/** The habits that the case rests on. */
const habitsFor = ({ id }: Case): ProxyHabits =>
  HTTP_MUTANTS.find(({ caseId, broken }) => caseId === id && broken.habits !== undefined)?.broken.habits ?? {};

/**
 * What they look for is on the wire or is not: one answer decides, and chance has no part in it. Every other case states n,
 * bound, false-positive rate and power.
 */
const COUNT_NOTHING =
  "POD-13 POD-14 POD-16 HOT-02 STR-01 STR-02 STR-03 STR-04 STR-05 STR-06 STR-07 STR-08 STR-09 STR-10 STR-11 STR-12 STR-13 STR-14 STR-15 STR-16 STR-17 STR-18 STR-19 STR-20 STR-21 STR-22 STR-23 STR-24 STR-26 STR-27 ERR-01 ERR-02 ERR-03 ERR-04 ERR-05 ERR-06 ERR-07 ERR-08 ERR-10 ERR-11 ERR-12 ERR-13 ERR-14 ERR-15 CON-01 CON-05 CON-06 CON-08 TOK-02 TOK-06 TOK-07 TOK-09 TOK-20 MOD-04 MOD-06 SEC-01 SEC-02 SEC-03 SEC-05 SEC-06 SEC-07 SEC-08 OBS-01 OBS-02 OBS-03 OBS-04 OBS-05 OBS-06";

/** A case that waits for what does not come takes its time. */
const TIMEOUT_MS = 600_000;

const ASKED = CASES.filter(({ id, needs }) => needs.transport === "http" && !(id in NO_COLUMN));

/** What comes of the cases for conforming proxies without this; `used` says which cases asked for which stimulus. */
async function rowsWithout(stimulus: Stimulus | undefined, cases: readonly Case[]) {
  const used = new Map<Stimulus, Set<Case>>();
  const rows: CaseRow[] = [];
  const byHabits = Map.groupBy(cases, (each) => JSON.stringify(habitsFor(each)));
  for (const [habits, some] of byHabits) {
    const catalogue = some.map((each): Case => ({
      ...each,
      traffic: (lab) =>
        each.traffic(withoutStimulus(lab, stimulus, (one) => used.set(one, (used.get(one) ?? new Set()).add(each)))),
    }));
    const adapter = proxyAdapter({ habits: JSON.parse(habits) as ProxyHabits });
    const report = await runCases({ adapter, catalogue, seed: 1, slow: true });
    rows.push(...report.cases);
  }
  return { used, rows };
}

const whole = rowsWithout(undefined, ASKED);

it(
  "has each of them pass with all that it does, and say of what is counted how sure that is",
  async () => {
    const { rows } = await whole;
    expect(rows.filter(({ verdict }) => verdict !== "pass").map(({ id }) => id)).toEqual([]);
    const uncounted = rows.filter(({ statistic }) => statistic === undefined).map(({ id }) => id);
    expect(uncounted.toSorted()).toEqual(COUNT_NOTHING.split(" ").toSorted());
  },
  TIMEOUT_MS,
);

it("knows of a case for each stimulus that only HTTP has", async () => {
  const { used } = await whole;
  expect(Object.keys(HTTP_STIMULI).filter((stimulus) => (used.get(stimulus as Stimulus)?.size ?? 0) === 0)).toEqual([]);
});

it.concurrent.each(Object.keys({ ...STIMULI, ...HTTP_STIMULI }) as Stimulus[])(
  "passes no case over HTTP that rests on this when it is left out: %s",
  async (stimulus) => {
    const shown = SHOWN_WITHOUT_IT[stimulus] ?? [];
    const users = [...((await whole).used.get(stimulus) ?? [])].filter(({ id }) => !shown.includes(id));
    const { rows } = await rowsWithout(stimulus, users);
    expect(rows.filter(({ verdict }) => verdict === "pass").map(({ id }) => id)).toEqual([]);
  },
  TIMEOUT_MS,
);
