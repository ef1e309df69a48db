/** POD: prefixes whose owners go, return, or stay while others change. */
import type { Case } from "../../case.ts";
import type { Judgement } from "../../judgement.ts";
import type { Held } from "../../lab.ts";
import type { Observation } from "../../observation.ts";
import { settledAfterMs } from "../../oracle/load-signal.ts";
import type { RouterProfile } from "../../router-profile.ts";
import { FALSE_POSITIVE_RATE, mostByChance } from "../../statistics/binomial.ts";
import { makeBusy } from "../trials/busy.ts";
import {
  all,
  belowReachable,
  busyOwner,
  claimed,
  coldReachable,
  followed,
  heldOnesSpread,
  loadDecides,
  no,
  prefixAware,
  separable,
} from "../claims.ts";
import { hasRoom, tooSmall } from "../forgetting/evict-claims.ts";
import { type Fork, placeFork } from "../trials/fork.ts";
import { askBusyOwner } from "../trials/owner-trial.ts";
import { probeLabel } from "../trials/judged-probe.ts";
import { judgeService } from "../trials/judge-service.ts";
import { routingCase } from "../trials/routing-case.ts";
import { trunk } from "../trials/shape.ts";
import { askOwners, byPrompts, CHANGES, teach } from "../trials/taught-prompts.ts";

// Where nobody outside knows when an owner is left for its load, nothing here tells a right answer from a wrong one.
const contrast = all(prefixAware, separable);
const adds = { podChanges: ["add"] } as const;
const removes = { podChanges: ["remove"] } as const;
const addsAndRemoves = { podChanges: ["add", "remove"] } as const;

/** Each on two pods: of three pods one has a part of two of them. */
const FORKS = 3;
const FORK_CELLS = 24;

export const podOwnerCases: readonly Case[] = [
  routingCase({
    id: "POD-03",
    level: "MUST",
    requirement: "R-POD-3",
    title: "A prefix whose owner was removed MUST be served by a pod that is there, and learnt for that pod.",
    needs: removes,
    unsupported: contrast,
    blame: { owner: "orphan-not-learnt-again" },
    trials: CHANGES,
    manyAnyway: true,
    trial: async (lab) => {
      const taught = await teach(lab);
      const [leaving] = byPrompts(lab, taught);
      if (leaving === undefined) return;
      await lab.removePod(leaving);
      for (const { prompt, owner } of taught) {
        if (owner !== leaving) continue;
        const { pod } = await lab.send(prompt, { label: probeLabel("any") });
        if (pod !== null && lab.pods().includes(pod)) await askOwners(lab, [{ prompt, owner: pod }]);
      }
      await lab.addPod();
    },
  }),
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
    needs: { ...removes, outlivesChanges: true },
    unsupported: contrast,
    blame: { owner: "forgot-on-pod-change" },
    trials: CHANGES,
    manyAnyway: true,
    trial: async (lab) => {
      const taught = await teach(lab);
      const leaving = byPrompts(lab, taught).at(-1) ?? "";
      await lab.removePod(leaving);
      await askOwners(
        lab,
        taught.filter(({ owner }) => owner !== leaving),
      );
      await lab.addPod();
    },
  }),
  routingCase({
    id: "POD-07",
    level: "MUST",
    requirement: "R-POD-6",
    title: "Adding a pod MUST NOT move prefixes that other pods own.",
    needs: { ...adds, outlivesChanges: true },
    unsupported: contrast,
    blame: { owner: "forgot-on-pod-change" },
    trials: CHANGES,
    manyAnyway: true,
    trial: async (lab) => {
      const taught = await teach(lab);
      const added = await lab.addPod();
      await askOwners(lab, taught);
      await lab.removePod(added);
    },
  }),
  routingCase({
    id: "POD-10",
    level: "MUST",
    requirement: "R-POD-6",
    title: "The order in which pods are listed MUST NOT decide who owns a prefix.",
    needs: { podChanges: ["start"], outlivesChanges: true },
    unsupported: contrast,
    blame: { owner: "forgot-on-pod-change" },
    trials: CHANGES,
    manyAnyway: true,
    trial: async (lab) => {
      const taught = await teach(lab);
      await lab.reorderPods();
      await askOwners(lab, taught);
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
      const fork = await placeFork(lab, { shortCells: 12 });
      if (fork === undefined) return;
      await lab.removePod(fork.longPod);
      await makeBusy(lab, fork.shortPod);
      await lab.send(fork.long, { label: probeLabel("load") });
      await lab.settle();
      await lab.addPod();
    },
  }),
  routingCase({
    id: "POD-17",
    level: "MUST",
    requirement: "R-POD-6",
    title: "When one of two pods that share the head of their prompts is removed, the other MUST keep its own whole.",
    needs: { ...removes, outlivesChanges: true },
    unsupported: all(prefixAware, followed, belowReachable, coldReachable, (profile) =>
      hasRoom(profile, FORK_CELLS) ? undefined : no(tooSmall(profile, "two long prompts that share a head")),
    ),
    blame: { owner: "forgot-with-another-owner" },
    trials: CHANGES,
    trial: async (lab) => {
      const forks: Fork[] = [];
      for (let left = forkCount(lab.profile); left > 0; left--) {
        const fork = await placeFork(lab, { shortCells: FORK_CELLS / 2 });
        if (fork !== undefined) forks.push(fork);
      }
      const shares = (pod: string): number =>
        forks.filter(({ shortPod, longPod }) => shortPod === pod || longPod === pod).length;
      const [leaving = ""] = lab.random.shuffle([...lab.pods()]).toSorted((a, b) => shares(b) - shares(a));
      await lab.removePod(leaving);
      for (const { shortPod, shortExtended, longPod, extended } of forks) {
        if (shortPod === leaving) await askOwners(lab, [{ prompt: extended, owner: longPod }]);
        if (longPod === leaving) await askOwners(lab, [{ prompt: shortExtended, owner: shortPod }]);
      }
      await lab.addPod();
    },
  }),
];

/** While a load window empties after each, what was taught before may expire. */
const forkCount = (profile: RouterProfile): number =>
  hasRoom(profile, FORKS * FORK_CELLS) && settledAfterMs(profile) === 0 ? FORKS : 1;

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
