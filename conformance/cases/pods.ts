/** POD: pods that come, go, return and change places. */
import type { Case, Judgement } from "../case.ts";
import type { Held, Lab } from "../lab.ts";
import type { Observation, SentStep } from "../observation.ts";
import type { RouterProfile } from "../router-profile.ts";
import { makeBusy } from "./busy.ts";
import {
  all,
  belowReachable,
  claimed,
  coldReachable,
  heldOnesSpread,
  loadDecides,
  busyOwner,
  none,
  prefixAware,
  separable,
} from "./claims.ts";
import { placeFork } from "./fork.ts";
import { askBusyOwner } from "./owner-trial.ts";
import { judgeService, probeLabel } from "./probes.ts";
import { routingCase } from "./routing-case.ts";
import { trunk } from "./shape.ts";
import { FALSE_POSITIVE_RATE, mostByChance } from "../statistics/binomial.ts";

const contrast = all(prefixAware, separable);
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
    if (open.length === 8) for (const one of open.splice(0)) await one.release();
    if (done(held.step)) break;
  }
  for (const one of open) await one.release();
}

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
      await sendFresh(lab, 120, ({ pod }) => pod === added);
    },
    judge: (observation) => judgeService(observation) ?? judgeUsed(observation),
  },
  {
    id: "POD-02",
    level: "MUST",
    requirement: "R-POD-2",
    title: "A pod that was removed MUST NOT get new requests.",
    needs: { transport: "any", ...removes },
    unsupported: none,
    traffic: async (lab) => {
      await sendFresh(lab, 12);
      await lab.removePod(lab.random.pick(lab.pods()));
      await sendFresh(lab, 40);
    },
    judge: (observation) => judgeService(observation) ?? judgeAbsent(observation) ?? { verdict: "pass" },
  },
  routingCase({
    id: "POD-03",
    level: "MUST",
    requirement: "R-POD-3",
    title: "A prefix whose owner was removed MUST be served by a pod that is there, and learnt for that pod.",
    needs: removes,
    unsupported: contrast,
    trials: 6,
    blame: { owner: "orphan-not-learnt-again" },
    trial: async (lab) => {
      const prompt = trunk(lab.corpus.namespace(), 6);
      const { pod } = await lab.send(prompt, { label: "seed" });
      if (pod === null) return;
      await lab.removePod(pod);
      const again = await lab.send(prompt, { label: probeLabel("any") });
      if (again.pod !== null && lab.pods().includes(again.pod)) {
        await makeBusy(lab, again.pod);
        await lab.send(prompt, { label: probeLabel("owner") });
      }
      await lab.settle();
      await lab.addPod();
    },
  }),
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
      await sendFresh(lab, 60);
    },
    judge: (observation) => judgeService(observation) ?? judgeAbsent(observation) ?? judgeUsed(observation),
  },
  routingCase({
    id: "POD-05",
    level: "declared-MUST",
    requirement: "R-POD-5",
    title: "A pod that left and came back MUST be taken as cold: it is no owner of what it served before.",
    needs: addsAndRemoves,
    unsupported: all(
      contrast,
      coldReachable,
      claimed("discovery.returningPodIsCold true", ({ discovery }) => discovery?.returningPodIsCold === true),
    ),
    blame: { load: "returning-pod-taken-as-warm" },
    trial: async (lab) => {
      await askBusyOwner(lab, {
        seed: trunk(lab.corpus.namespace(), 6),
        meanwhile: async (owner) => {
          await lab.removePod(owner);
          await lab.returnPod(owner);
        },
        kind: "load",
      });
    },
  }),
  routingCase({
    id: "POD-06",
    level: "MUST",
    requirement: "R-POD-6",
    title: "Removing a pod MUST NOT make the router forget what other pods own.",
    needs: removes,
    unsupported: contrast,
    blame: { owner: "forgot-on-pod-change" },
    trials: 4,
    trial: async (lab) => {
      await askBusyOwner(lab, {
        seed: trunk(lab.corpus.namespace(), 6),
        meanwhile: (owner) => lab.removePod(lab.random.pick(lab.pods().filter((other) => other !== owner))),
        kind: "owner",
      });
      await lab.addPod();
    },
  }),
  routingCase({
    id: "POD-07",
    level: "MUST",
    requirement: "R-POD-6",
    title: "Adding a pod MUST NOT move prefixes that other pods own.",
    needs: adds,
    unsupported: contrast,
    blame: { owner: "forgot-on-pod-change" },
    trials: 4,
    trial: async (lab) => {
      let added = "";
      await askBusyOwner(lab, {
        seed: trunk(lab.corpus.namespace(), 6),
        meanwhile: async () => {
          added = await lab.addPod();
        },
        kind: "owner",
      });
      await lab.settle();
      if (added !== "") await lab.removePod(added);
    },
  }),
  {
    id: "POD-08",
    level: "MUST",
    requirement: "R-POD-8",
    title: "With no pod a request MUST be refused with 503 at once; with a pod again it MUST be served.",
    needs: { transport: "any", ...addsAndRemoves },
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
    needs: { transport: "any", ...addsAndRemoves },
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
  routingCase({
    id: "POD-10",
    level: "MUST",
    requirement: "R-POD-6",
    title: "The order in which pods are listed MUST NOT decide who owns a prefix.",
    needs: { podChanges: ["start"] },
    unsupported: contrast,
    blame: { owner: "forgot-on-pod-change" },
    trials: 4,
    trial: async (lab) => {
      await askBusyOwner(lab, {
        seed: trunk(lab.corpus.namespace(), 6),
        meanwhile: () => lab.reorderPods(),
        kind: "owner",
      });
    },
  }),
  {
    id: "POD-11",
    level: "SHOULD",
    requirement: "R-POD-11",
    title: "The prefixes of a removed pod SHOULD be spread over the pods that remain.",
    needs: { transport: "any", ...removes, pods: 4 },
    unsupported: all(prefixAware, coldReachable, heldOnesSpread),
    traffic: async (lab) => {
      const prompts = Array.from({ length: 120 }, () => trunk(lab.corpus.namespace(), 2));
      const held: Held[] = [];
      for (const prompt of prompts) held.push(await lab.hold(prompt, { label: "seed" }));
      const count = (pod: string) => held.filter(({ step }) => step.pod === pod).length;
      const largest = lab.pods().reduce((a, b) => (count(b) > count(a) ? b : a));
      const orphans = held.flatMap(({ step }) => (step.pod === largest ? [step.prompt] : []));
      await lab.settle();
      await lab.removePod(largest);
      for (const orphan of orphans.slice(0, 40)) await lab.hold(orphan, { label: "orphan" });
    },
    judge: judgeSpread,
  },
  routingCase({
    id: "POD-12",
    level: "declared-MUST",
    requirement: "R-POD-12",
    title: "The ratio MUST be taken of the longest match of pods that are present, not of one that left.",
    needs: removes,
    unsupported: all(
      all(prefixAware, loadDecides, busyOwner),
      belowReachable,
      coldReachable,
      claimed("threshold.owners live", ({ threshold }: RouterProfile) => threshold?.owners === "live"),
    ),
    blame: { load: "absent-owner-counted" },
    trials: 4,
    trial: async (lab) => {
      const fork = await placeFork(lab);
      if (fork === undefined) return;
      await lab.removePod(fork.longPod);
      await makeBusy(lab, fork.shortPod);
      await lab.send(fork.long, { label: probeLabel("load") });
      await lab.settle();
      await lab.addPod();
    },
  }),
];

/** The pod added last was used after it was added. */
function judgeUsed({ steps }: Observation): Judgement {
  const index = steps.findLastIndex((step) => step.kind === "pods" && step.change === "add");
  const change = steps[index];
  const added = change?.kind === "pods" ? change.pod : null;
  const after = steps.slice(index).flatMap((step) => (step.kind === "sent" ? [step.pod ?? "none"] : []));
  if (added === null || after.length === 0) {
    return { verdict: "inconclusive", reason: "precondition-not-met", detail: "no pod was added" };
  }
  if (after.includes(added)) return { verdict: "pass" };
  return {
    verdict: "fail",
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

const MOST_SHARE = 0.75;
const FEWEST_ORPHANS = 16;

function judgeSpread(observation: Observation): Judgement {
  const unserved = judgeService(observation);
  if (unserved !== undefined) return unserved;
  const orphans = observation.steps.flatMap((step) =>
    step.kind === "sent" && step.label === "orphan" ? [step.pod] : [],
  );
  const live = observation.steps.findLast((step) => step.kind === "pods")?.pods ?? [];
  if (orphans.length < FEWEST_ORPHANS) {
    return {
      verdict: "inconclusive",
      reason: "too-few-orphans",
      detail: `only ${orphans.length} prefixes lost their owner`,
    };
  }
  const most = Math.max(...live.map((pod) => orphans.filter((other) => other === pod).length));
  const bound = Math.max(MOST_SHARE * orphans.length, mostByChance(orphans.length, 1 / live.length));
  const statistic = {
    n: orphans.length,
    observed: most,
    bound: `at most ${bound} on one of ${live.length} pods`,
    falsePositiveRate: FALSE_POSITIVE_RATE,
    power: "a router that sends all of them to one pod is always caught",
  };
  if (most <= bound) return { verdict: "pass", statistic };
  return {
    verdict: "fail",
    reason: "orphans-piled-up",
    detail: `${most} of ${orphans.length} prefixes of the removed pod, all held open, went to one of ${live.length} pods`,
    statistic,
  };
}
