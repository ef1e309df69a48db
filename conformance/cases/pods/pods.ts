/** POD: pods that come and go: who is used, and who is not. */
import type { Case } from "../../case.ts";
import type { Judgement } from "../../judgement.ts";
import type { Held, Lab } from "../../lab.ts";
import type { Observation, SentStep } from "../../observation.ts";
import { byChance, type RouterProfile } from "../../router-profile.ts";
import { roundedRate } from "../../statistics/judge-counts.ts";
import { all, coldReachable, heldOnesSpread, none } from "../claims.ts";
import { judgeService } from "../trials/judge-service.ts";

const adds = { podChanges: ["add"] } as const;
const removes = { podChanges: ["remove"] } as const;
const addsAndRemoves = { podChanges: ["add", "remove"] } as const;

const fresh = (lab: Lab) => lab.corpus.namespace().prompt([]);

/** Sends fresh prompts, eight of them open at a time, until `done` or the count is reached. */
async function sendFresh(lab: Lab, count: number, done: (step: SentStep) => boolean = () => false): Promise<void> {
  const open: Held[] = [];
  for (let sent = 0; sent < count; sent++) {
    const held = await lab.hold(fresh(lab), { label: "fresh" });
    open.push(held);
    if (open.length === 8) await Promise.all(open.splice(0).map((one) => one.release()));
    if (done(held.step)) break;
  }
  await Promise.all(open.map((one) => one.release()));
}

/** A router that draws lots passes by one pod of four in all of them once in 10^15 runs; one of three once in 10^10. */
const MOST_FRESH = 120;
const FRESH_AFTER_EXCHANGE = 60;

export const podCases: readonly Case[] = [
  {
    id: "POD-01",
    level: "MUST",
    requirement: "R-POD-1",
    title: "A pod that was added MUST get new requests.",
    needs: { transport: "any", ...adds },
    unsupported: all(coldReachable, heldOnesSpread),
    traffic: async (lab) => {
      await sendFresh(lab, 12);
      const added = await lab.addPod();
      await sendFresh(lab, MOST_FRESH, ({ pod }) => pod === added);
    },
    judge: (observation, profile) => judgeService(observation) ?? judgeUsed(observation, profile, MOST_FRESH),
  },
  {
    id: "POD-02",
    level: "MUST",
    requirement: "R-POD-2",
    title: "A pod that was removed MUST NOT get new requests.",
    needs: { transport: "any", anyPod: true, ...removes },
    unsupported: none,
    traffic: async (lab) => {
      await sendFresh(lab, 12);
      await lab.removePod(lab.random.pick(lab.pods()));
      await sendFresh(lab, 40);
    },
    judge: (observation) => judgeService(observation) ?? judgeAbsent(observation) ?? { verdict: "pass" },
  },
  {
    id: "POD-04",
    level: "MUST",
    requirement: "R-POD-4",
    title: "When one pod is exchanged for another in one change, the new one MUST be used and the old one MUST NOT.",
    needs: { transport: "any", ...addsAndRemoves },
    unsupported: all(coldReachable, heldOnesSpread),
    traffic: async (lab) => {
      await sendFresh(lab, 12);
      await lab.replacePod(lab.random.pick(lab.pods()));
      await sendFresh(lab, FRESH_AFTER_EXCHANGE);
    },
    judge: (observation, profile) =>
      judgeService(observation) ?? judgeAbsent(observation) ?? judgeUsed(observation, profile, FRESH_AFTER_EXCHANGE),
  },
  {
    id: "POD-08",
    level: "MUST",
    requirement: "R-POD-8",
    title: "With no pod a request MUST be refused with 503 at once; with a pod again it MUST be served.",
    needs: { transport: "any", anyPod: true, ...addsAndRemoves },
    unsupported: none,
    traffic: async (lab) => {
      for (const pod of lab.pods()) await lab.removePod(pod);
      await lab.send(fresh(lab), { label: "without-pods" });
      await lab.addPod();
      await lab.send(fresh(lab), { label: "with-a-pod" });
    },
    judge: judgeEmptyFleet,
  },
  {
    id: "POD-09",
    level: "MUST",
    requirement: "R-POD-2",
    title: "Through a long series of changes, requests MUST be answered by pods that are present.",
    needs: { transport: "any", anyPod: true, ...addsAndRemoves },
    unsupported: none,
    traffic: async (lab) => {
      for (let change = 0; change < 16; change++) {
        const pods = lab.pods();
        const grow = pods.length <= 1 || (pods.length < 6 && lab.random.below(2) === 0);
        await (grow ? lab.addPod() : lab.removePod(lab.random.pick(pods)));
        await sendFresh(lab, 3);
      }
    },
    judge: (observation) => judgeService(observation) ?? judgeAbsent(observation) ?? { verdict: "pass" },
  },
];

/** The pod added last was used after it was added, by one at least of the fresh prompts that there may be. */
function judgeUsed({ steps }: Observation, profile: RouterProfile, most: number): Judgement {
  const index = steps.findLastIndex((step) => step.kind === "pods" && step.change === "add");
  const change = steps[index];
  const after = steps.slice(index).flatMap((step) => (step.kind === "sent" ? [step.pod ?? "none"] : []));
  if (change?.kind !== "pods" || change.pod === null || after.length === 0) {
    return { verdict: "inconclusive", reason: "precondition-not-met", detail: "no pod was added" };
  }
  const added = change.pod;
  const passedBy = byChance(profile) ? (1 - 1 / change.pods.length) ** most : 0;
  const statistic = {
    n: after.length,
    observed: after.filter((pod) => pod === added).length,
    bound: `fails with none of ${most}`,
    falsePositiveRate: roundedRate(passedBy),
    power: "a router that never uses it is always caught",
  };
  if (after.includes(added)) return { verdict: "pass", statistic };
  return {
    verdict: "fail",
    statistic,
    reason: "added-pod-never-used",
    detail: `${added} was added and got none of ${after.length} fresh prompts, up to eight of them open at once`,
    expected: [added],
    observed: [...new Set(after)],
  };
}

/** No request reached a pod that was not there. */
function judgeAbsent({ steps }: Observation): Judgement | undefined {
  let live: readonly string[] = [];
  let removals = 0;
  for (const step of steps) {
    if (step.kind === "pods") {
      live = step.pods;
      if (step.change === "remove") removals++;
    }
    // Sent while the router may still be taking note of the change.
    if (step.kind !== "sent" || step.label === "converge") continue;
    const stray = step.attempts.find((pod) => !live.includes(pod));
    if (stray === undefined) continue;
    return {
      verdict: "fail",
      reason: "used-an-absent-pod",
      detail: `${step.label} ${step.requestId} reached ${stray}, which had been removed`,
      expected: live,
      observed: [stray],
    };
  }
  if (removals === 0) return { verdict: "inconclusive", reason: "precondition-not-met", detail: "no pod was removed" };
  return undefined;
}

const AT_ONCE_MS = 5_000;

function judgeEmptyFleet({ steps }: Observation): Judgement {
  const sent = steps.flatMap((step) => (step.kind === "sent" ? [step] : []));
  const without = sent.find(({ label }) => label === "without-pods");
  const withOne = sent.find(({ label }) => label === "with-a-pod");
  if (without === undefined || withOne === undefined) {
    return { verdict: "inconclusive", reason: "precondition-not-met", detail: "the pods could not be removed" };
  }
  if (without.pod !== null) {
    return {
      verdict: "fail",
      reason: "used-an-absent-pod",
      detail: `with no pod left, the request was served by ${without.pod}`,
      observed: [without.pod],
    };
  }
  if (without.status !== 503 || without.endMs - without.startMs > AT_ONCE_MS) {
    return {
      verdict: "fail",
      reason: "empty-fleet-not-refused-with-503",
      detail: `with no pod left, the answer was status ${without.status} after ${Math.round(without.endMs - without.startMs)} ms`,
      expected: ["503"],
      observed: [String(without.status)],
    };
  }
  if (withOne.status !== 200) {
    return {
      verdict: "fail",
      reason: "not-served-after-refill",
      detail: `with a pod again, the answer was status ${withOne.status}`,
      expected: ["200"],
      observed: [String(withOne.status)],
    };
  }
  return { verdict: "pass" };
}
