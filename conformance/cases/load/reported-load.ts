/** LOAD-09, LOAD-26: load that is read from the pods' metrics pages. */
import type { Case } from "../../case.ts";
import type { Judgement } from "../../judgement.ts";
import type { Lab } from "../../lab.ts";
import type { Observation } from "../../observation.ts";
import { coldPolicy, mostExploration, type RouterProfile } from "../../router-profile.ts";
import { FALSE_POSITIVE_RATE, mostByChance } from "../../statistics/binomial.ts";
import { all, claimed, coldReachable } from "../claims.ts";
import { httpOf, noted } from "../trials/exchange.ts";
import { judgeService } from "../trials/judge-service.ts";
import { isShare, METRICS, untilRead } from "../trials/reported.ts";

const REQUESTS = 24;
const REPORTED = "while-one-reports-a-queue";
const FAILING = "while-its-metrics-fail";
const HUNG = "while-another-says-nothing";
const UNREAD = "pages-not-read";
const NEVER_READ = "pages-not-read-at-all";
/** A router that declares readings by the second, and makes none in this time, makes none. */
const NO_READING_MS = 15_000;

/** By label, the reason why none of its requests may have reached the busy pod. */
const judgeStrays =
  (labels: readonly (readonly [label: string, reason: string])[]) =>
  (observation: Observation, profile: RouterProfile): Judgement => {
    const unserved = judgeService(observation);
    if (unserved !== undefined) return unserved;
    const neverRead = noted(observation, NEVER_READ);
    if (neverRead !== undefined) {
      const detail = `the router did not read the metrics of ${neverRead as string} again`;
      return { verdict: "fail", reason: "metrics-not-read", detail };
    }
    const unread = noted(observation, UNREAD);
    if (unread !== undefined) {
      const detail = `the router did not read the metrics of ${unread as string} as often as it declares`;
      return { verdict: "inconclusive", reason: "precondition-not-met", detail };
    }
    const busy = noted(observation, "busy");
    const sentTo = (label: string): number =>
      observation.steps.filter((step) => step.kind === "sent" && step.label === label && step.pod === busy).length;
    const exploration = mostExploration(profile);
    const most = exploration === 0 ? 0 : mostByChance(REQUESTS, exploration);
    const statistic = (observed: number) => ({
      n: REQUESTS,
      observed,
      bound: `fails above ${most}`,
      falsePositiveRate: exploration === 0 ? 0 : FALSE_POSITIVE_RATE,
      power: "a router that spreads them evenly is always caught",
    });
    for (const [label, reason] of labels) {
      const strays = sentTo(label);
      if (strays <= most) continue;
      return {
        verdict: "fail",
        reason,
        detail: `${strays} of ${REQUESTS} fresh prompts went to ${String(busy)} ${label.replaceAll("-", " ")}; the other pods reported none`,
        statistic: statistic(strays),
      };
    }
    return { verdict: "pass", statistic: statistic(Math.max(...labels.map(([label]) => sentTo(label)))) };
  };

const readsLoads = all(
  claimed("load.signal metric", ({ load }) => load?.signal === "metric"),
  claimed("load.name", ({ load }) => load?.name !== undefined),
  claimed("load.refreshMs", ({ load }) => load?.refreshMs !== undefined),
  claimed("cold least-load", (profile) => coldPolicy(profile) === "least-load"),
  coldReachable,
);

export const reportedLoadCases: readonly Case[] = [
  {
    id: "LOAD-09",
    level: "declared-MUST",
    requirement: "R-LOAD-9",
    title:
      "Where load is read from the pods' metrics, a pod that reports a queue MUST be avoided, and MUST NOT be taken for idle when its metrics fail.",
    needs: { transport: "http", scriptedPods: true },
    unsupported: readsLoads,
    traffic: async (lab) => {
      const { pods } = httpOf(lab);
      const busy = lab.random.pick(lab.pods());
      reportLoads(lab, [busy]);
      lab.note("busy", busy);
      await noteUnread(lab, lab.pods());
      await sendFresh(lab, REPORTED);
      pods.setPage(METRICS, { kind: "status", status: 500 }, busy);
      await noteUnread(lab, [busy]);
      await sendFresh(lab, FAILING);
    },
    judge: judgeStrays([
      [REPORTED, "reported-load-ignored"],
      [FAILING, "failing-metrics-taken-for-idle"],
    ]),
  },
  {
    id: "LOAD-26",
    level: "declared-MUST",
    requirement: "R-LOAD-26",
    title: "While the metrics of one pod are not answered, those of the others MUST still be read, and heeded.",
    needs: { transport: "http", scriptedPods: true },
    unsupported: readsLoads,
    traffic: async (lab) => {
      const { pods } = httpOf(lab);
      const [silent = "", busy = "", ...idle] = lab.random.shuffle(lab.pods());
      reportLoads(lab, [silent]);
      await noteUnread(lab, lab.pods());
      pods.setPage(METRICS, { kind: "hang" }, silent);
      reportLoads(lab, [busy], [busy, ...idle]);
      lab.note("busy", busy);
      await noteUnread(lab, [busy, ...idle]);
      await sendFresh(lab, HUNG);
    },
    judge: judgeStrays([[HUNG, "slow-metrics-hide-others"]]),
  },
];

/** Of these pods, those that are busy report a queue and the others none. */
function reportLoads(lab: Lab, busy: readonly string[], of = lab.pods()): void {
  const name = lab.profile.load?.name ?? "";
  for (const pod of of) {
    const value = busy.includes(pod) ? (isShare(name) ? 0.95 : 50) : 0;
    httpOf(lab).pods.setPage(METRICS, { kind: "gauges", values: { [name]: value } }, pod);
  }
}

async function noteUnread(lab: Lab, names: readonly string[]): Promise<void> {
  for (const name of await untilRead(lab, names)) {
    const { refreshMs = 0 } = lab.profile.load ?? {};
    const isRead = await httpOf(lab).pods.answeredAgain(METRICS, 1, 2 * refreshMs + NO_READING_MS, name);
    lab.note(isRead ? UNREAD : NEVER_READ, name);
  }
}

async function sendFresh(lab: Lab, label: string): Promise<void> {
  for (let sent = 0; sent < REQUESTS; sent++) await lab.send(lab.corpus.namespace().prompt([]), { label });
}
