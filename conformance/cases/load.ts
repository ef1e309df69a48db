/** LOAD and HOT: who gets requests that no prefix decides, and when load overrules a prefix. */
import { type Case, DEFAULT_PODS } from "../case.ts";
import type { Prompt } from "../corpus.ts";
import type { Held, Lab } from "../lab.ts";
import type { Observation } from "../observation.ts";
import { gateState } from "../oracle/gate.ts";
import type { PodLoad } from "../oracle/load.ts";
import { exactly } from "../oracle/range.ts";
import { loadWindowMs, type RouterProfile } from "../router-profile.ts";
import { loadsNow, RIVAL } from "./busy.ts";
import {
  all,
  allOwners,
  byChance,
  claimed,
  coldReachable,
  countableLoad,
  gated,
  loadDecides,
  no,
  prefixAware,
} from "./claims.ts";
import { inLooks, UNMET } from "./looks.ts";
import { probeLabel } from "./probes.ts";
import { routingCase } from "./routing-case.ts";
import { cells, trunk } from "./shape.ts";
import { evenlySpread, FRESH_PER_LOOK, judgeEven } from "./spread.ts";

const byLoad = all(loadDecides, coldReachable);
const countsInFlight = claimed("load.signal in-flight", ({ load }: RouterProfile) => load?.signal === "in-flight");
const driven = all(prefixAware, gated, coldReachable);
const spills = all(driven, (profile) =>
  byChance(profile) ? no("what the gate sends away may go anywhere, by chance") : undefined,
);

const fresh = (lab: Lab) => lab.corpus.namespace().prompt([]);

/** Where loads outlive a trial: fresh prompts go to the least loaded pods until none leads any more. */
async function levelOut(lab: Lab): Promise<void> {
  if (loadWindowMs(lab.profile) === undefined) return;
  for (let sent = 0; sent < MOST_HELD && leadOver(lab) > 1; sent++) await lab.send(fresh(lab), { label: "level" });
}

/** Requests by which the busiest pod may lead the idlest, by the declared signal. */
function leadOver(lab: Lab): number {
  const loads = lab.pods().flatMap((pod) => loadsNow(lab)?.get(pod)?.requests ?? []);
  return Math.max(0, ...loads.map(({ high }) => high)) - Math.min(...loads.map(({ low }) => low));
}

/** Holds a prompt at its owner until the gate is surely open: the next one must leave. */
async function heat(lab: Lab, prompt: Prompt): Promise<void> {
  await levelOut(lab);
  const { pod } = await lab.send(prompt, { label: "hot" });
  if (pod === null) return;
  lab.note(RIVAL, pod);
  // The latest ends, which may not have been noticed yet, are then the owner's own: they only add to what is held there.
  for (let more = 0; more < LATE_RELEASES; more++) await lab.send(prompt, { label: "hot" });
  await lab.quiet();
  const isOpen = (): boolean => gateState(lab.profile.gate, loadsNow(lab), lab.pods(), [pod]) === "open";
  for (let held = 0; held < MOST_HELD && !isOpen(); held++) await lab.hold(prompt, { label: "hot" });
}

/** On idle pods, as many as it takes to tell. */
async function sendEvenly(lab: Lab): Promise<void> {
  const once = async (): Promise<void> => {
    for (let index = 0; index < FRESH_PER_LOOK; index++) await lab.send(fresh(lab), { label: "fresh" });
  };
  await inLooks(lab, once, judgeFresh);
}

const judgeFresh = (observation: Observation) => judgeEven(observation, "idle-pods-used-unevenly");

/**
 * Holds as many fresh prompts as there are pods: with nothing else in flight, each must find an idle pod. Over HTTP the
 * last ends may not have been noticed yet: a pod that is left out is known to be so only after some more rounds.
 */
async function holdOnEveryPod(lab: Lab): Promise<void> {
  await lab.quiet();
  const rounds = lab.http === undefined ? 1 : LATE_RELEASES + 2;
  for (let index = 0; index < rounds * lab.pods().length; index++) {
    // No shorter than what ended before: the oracle knows neither whether a router counts requests nor characters.
    await lab.hold(trunk(lab.corpus.namespace(), 4), { label: probeLabel("any") });
  }
}

/** Ends `count` requests on one pod in the given way, each a short extension of a prompt that pod owns. */
async function endOnOnePod(
  lab: Lab,
  count: number,
  end: (lab: Lab, prompt: ReturnType<typeof fresh>) => Promise<void>,
): Promise<void> {
  const namespace = lab.corpus.namespace();
  const head = cells("trunk", 2);
  await lab.send(namespace.prompt(head), { label: "seed" });
  for (let index = 0; index < count; index++) {
    await end(lab, namespace.prompt([...head, `end${index}:0.25`]));
    // A success in between: a router may lock out a pod that fails several times in a row.
    await lab.send(namespace.prompt(head), { label: "between" });
  }
}

export const loadCases: readonly Case[] = [
  {
    id: "LOAD-01",
    level: "declared-MUST",
    requirement: "R-LOAD-1",
    title: "Prompts without a match MUST be spread evenly over idle pods where the router claims to do so.",
    needs: { transport: "any", pods: 4, load: true },
    unsupported: all(coldReachable, evenlySpread),
    traffic: sendEvenly,
    judge: judgeFresh,
  },
  routingCase({
    id: "LOAD-02",
    level: "declared-MUST",
    requirement: "R-LOAD-2",
    title: "A prompt without a match MUST go to a pod that is the least loaded by the declared signal.",
    unsupported: all(byLoad, countableLoad),
    trials: 3,
    trial: async (lab) => {
      const held: Held[] = [];
      for (let index = 0; index < 24; index++) {
        held.push(await lab.hold(fresh(lab), { label: probeLabel("any") }));
        if (held.length > 4 && lab.random.below(2) === 0) {
          await held.splice(lab.random.below(held.length), 1)[0]?.release();
        }
      }
    },
  }),
  routingCase({
    id: "LOAD-03",
    level: "declared-MUST",
    requirement: "R-LOAD-3",
    title: "A request that finished MUST no longer count as load.",
    unsupported: all(prefixAware, byLoad, countsInFlight),
    blame: { load: "finished-requests-still-counted" },
    trials: 1,
    trial: async (lab) => {
      const prompt = trunk(lab.corpus.namespace(), 4);
      for (let index = 0; index < 40; index++) await lab.send(prompt, { label: "finished" });
      await holdOnEveryPod(lab);
    },
  }),
  routingCase({
    id: "LOAD-04",
    level: "declared-MUST",
    requirement: "R-LOAD-3",
    title: "A request that failed at its pod MUST no longer count as load.",
    unsupported: all(prefixAware, byLoad, countsInFlight),
    blame: { load: "failed-requests-still-counted" },
    trials: 1,
    trial: async (lab) => {
      await endOnOnePod(lab, 8, async (inLab, prompt) => {
        await inLab.send(prompt, { label: "upstream-error", upstream: { status: 500 } });
      });
      await holdOnEveryPod(lab);
    },
  }),
  routingCase({
    id: "LOAD-05",
    level: "declared-MUST",
    requirement: "R-LOAD-5",
    title: "Beyond the declared imbalance, a prompt MUST leave the owner of its prefix.",
    unsupported: all(spills, (profile) =>
      holdsToOpen(profile, DEFAULT_PODS) === undefined ? no("the gate opens beyond 200 requests") : undefined,
    ),
    blame: { gate: "stayed-beyond-the-gate" },
    trials: 2,
    trial: async (lab) => {
      const prompt = trunk(lab.corpus.namespace(), 2);
      await heat(lab, prompt);
      await lab.send(prompt, { label: probeLabel("gate") });
    },
  }),
  routingCase({
    id: "LOAD-06",
    level: "declared-MUST",
    requirement: "R-LOAD-6",
    title: "Within the declared imbalance, a prompt MUST stay with the owner of its prefix.",
    unsupported: driven,
    blame: { owner: "left-within-the-gate" },
    trials: 2,
    trial: async (lab) => {
      const prompt = trunk(lab.corpus.namespace(), 2);
      await lab.send(prompt, { label: "seed" });
      const most = (holdsToOpen(lab.profile, lab.pods().length) ?? MOST_HELD) - 1;
      for (let index = 0; index <= Math.min(most, 64); index++) await lab.hold(prompt, { label: probeLabel("owner") });
    },
  }),
  routingCase({
    id: "LOAD-07",
    level: "declared-MUST",
    requirement: "R-LOAD-7",
    title: "The pod that took a prompt beyond the gate MUST become an owner of it.",
    needs: { drains: true },
    unsupported: all(
      spills,
      loadDecides,
      allOwners,
      claimed("insert.when", ({ insert }) => insert?.when !== undefined),
      (profile) =>
        holdsToOpen(profile, DEFAULT_PODS) === undefined ? no("the gate opens beyond 200 requests") : undefined,
    ),
    blame: { owner: "spill-not-learnt" },
    trials: 2,
    trial: async (lab) => {
      const prompt = trunk(lab.corpus.namespace(), 2);
      await heat(lab, prompt);
      for (let index = 0; index < SPILLS; index++) await lab.hold(prompt, { label: "hot" });
      await lab.drain();
      const { step } = await lab.hold(prompt, { label: probeLabel("any") });
      // The next one must leave it: the other owner is idle.
      if (step.pod !== null) lab.note(RIVAL, step.pod);
      await lab.hold(prompt, { label: probeLabel("any") });
    },
  }),
  routingCase({
    id: "LOAD-08",
    level: "declared-MUST",
    requirement: "R-LOAD-3",
    title: "A request whose client went away MUST no longer count as load.",
    unsupported: all(prefixAware, byLoad, countsInFlight),
    blame: { load: "aborted-requests-still-counted" },
    trials: 1,
    trial: async (lab) => {
      await endOnOnePod(lab, 8, async (inLab, prompt) => {
        const held = await inLab.hold(prompt, { label: "aborted" });
        await held.release("aborted");
      });
      await holdOnEveryPod(lab);
    },
  }),
  routingCase({
    id: "HOT-01",
    level: "declared-MUST",
    requirement: "R-HOT-1",
    title: "One hot prefix MUST be spread over the pods once its owner is beyond the declared imbalance.",
    unsupported: all(spills, (profile) =>
      holdsToOpen(profile, DEFAULT_PODS) === undefined ? no("the gate opens beyond 200 requests") : undefined,
    ),
    blame: { gate: "stayed-beyond-the-gate" },
    sharpOn: ["gate"],
    trials: 1,
    trial: async (lab) => {
      const prompt = trunk(lab.corpus.namespace(), 2);
      await lab.send(prompt, { label: "seed" });
      for (let index = 0; index < 80; index++) await lab.hold(prompt, { label: probeLabel("any") });
    },
  }),
  {
    id: "HOT-03",
    level: "declared-MUST",
    requirement: "R-LOAD-1",
    title: "After a hot prefix has cooled, new prompts MUST be spread evenly again.",
    needs: { transport: "any", pods: 4, load: true, drains: true },
    unsupported: all(prefixAware, coldReachable, evenlySpread),
    traffic: async (lab) => {
      const hot = trunk(lab.corpus.namespace(), 2);
      for (let index = 0; index < 60; index++) await lab.hold(hot, { label: "hot" });
      await lab.drain();
      await sendEvenly(lab);
    },
    judge: (observation) => {
      const heated = observation.steps.some((step) => step.kind === "sent" && step.label === "hot" && step.held);
      if (heated) return judgeFresh(observation);
      return { verdict: "inconclusive", reason: UNMET, detail: "no prefix was hot: nothing was held open" };
    },
  },
];

const MOST_HELD = 200;
const SPILLS = 2;
/** Over HTTP the ends of this many requests may not have been noticed yet. */
const LATE_RELEASES = 2;

/** Requests one pod must hold, the others none, until the gate is open; undefined beyond {@link MOST_HELD}. */
function holdsToOpen(profile: RouterProfile, podCount: number): number | undefined {
  const pods = Array.from({ length: podCount }, (_, index) => `pod-${index}`);
  for (let count = 1; count <= MOST_HELD; count++) {
    const loads = new Map<string, PodLoad>(
      pods.map((pod, index) => [pod, { requests: exactly(index === 0 ? count : 0), chars: exactly(0) }]),
    );
    if (gateState(profile.gate, loads, pods, pods.slice(0, 1)) === "open") return count;
  }
  return undefined;
}
