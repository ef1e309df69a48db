/** LOAD and HOT: when imbalance overrules a prefix. */
import { type Case, DEFAULT_PODS } from "../../case.ts";
import type { Prompt } from "../../corpus/corpus.ts";
import type { Lab } from "../../lab.ts";
import { gateState } from "../../oracle/gate.ts";
import { loadSignal } from "../../oracle/load-signal.ts";
import { byChance, type RouterProfile } from "../../router-profile.ts";
import { LATE_RELEASES, loadsNow, RIVAL } from "../trials/busy.ts";
import { gateAt } from "../trials/lead.ts";
import {
  all,
  allOwners,
  type Claim,
  busyOwner,
  claimed,
  coldReachable,
  gated,
  loadDecides,
  no,
  prefixAware,
} from "../claims.ts";
import { askBusyOwner } from "../trials/owner-trial.ts";
import { probeLabel } from "../trials/judged-probe.ts";
import { routingCase } from "../trials/routing-case.ts";
import { trunk } from "../trials/shape.ts";

const driven = all(prefixAware, gated, coldReachable);
const spills = all(driven, (profile) =>
  byChance(profile) ? no("what the gate sends away may go anywhere, by chance") : undefined,
);
const opensInReach: Claim = (profile) =>
  holdsToOpen(profile, DEFAULT_PODS) === undefined ? no("the gate opens beyond 200 requests") : undefined;
const MOST_HELD = 200;
const SPILLS = 2;

/** Where loads outlive a trial: fresh prompts go to the least loaded pods until none leads any more. */
async function levelOut(lab: Lab): Promise<void> {
  if (loadSignal(lab.profile)?.windowMs === undefined) return;
  for (let sent = 0; sent < MOST_HELD && leadOver(lab) > 1; sent++)
    await lab.send(lab.corpus.namespace().prompt([]), { label: "level" });
}

/** Requests by which the busiest pod may lead the idlest, by the declared signal. */
function leadOver(lab: Lab): number {
  const loads = lab.pods().flatMap((pod) => loadsNow(lab)?.get(pod)?.requests ?? []);
  return Math.max(0, ...loads.map(({ high }) => high)) - Math.min(...loads.map(({ low }) => low));
}

function leastLoad(lab: Lab): number {
  return Math.min(...lab.pods().map((pod) => loadsNow(lab)?.get(pod)?.requests.low ?? 0));
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

export const gateCases: readonly Case[] = [
  routingCase({
    id: "LOAD-05",
    level: "declared-MUST",
    requirement: "R-LOAD-5",
    title: "Beyond the declared imbalance, a prompt MUST leave the owner of its prefix.",
    unsupported: all(spills, opensInReach),
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
    id: "LOAD-20",
    level: "declared-MUST",
    requirement: "R-LOAD-6",
    title: "An imbalance that is small beside what every pod has MUST NOT take a prompt from the owner of its prefix.",
    unsupported: all(spills, loadDecides, (profile) =>
      smallBeside(profile, DEFAULT_PODS) === undefined ? no("it takes more than 200 requests") : undefined,
    ),
    blame: { owner: "left-within-the-gate" },
    trials: 1,
    trial: async (lab) => {
      const imbalance = smallBeside(lab.profile, lab.pods().length);
      if (imbalance === undefined) return;
      const prompt = trunk(lab.corpus.namespace(), 2);
      await lab.send(prompt, { label: "seed" });
      await lab.quiet();
      for (let sent = 0; sent < MOST_HELD && leastLoad(lab) < imbalance.everywhere; sent++)
        await lab.hold(lab.corpus.namespace().prompt([]), { label: "everywhere" });
      for (let held = 0; held <= imbalance.lead; held++) await lab.hold(prompt, { label: probeLabel("owner") });
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
      opensInReach,
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
    id: "LOAD-10",
    level: "declared-MUST",
    requirement: "R-LOAD-10",
    title: "Once an imbalance is over, a prompt MUST stay with the owner of its prefix again.",
    needs: { drains: true },
    unsupported: all(spills, loadDecides, busyOwner, opensInReach),
    blame: { gate: "stayed-beyond-the-gate", owner: "gate-stayed-open" },
    sharpOn: ["gate", "owner"],
    trials: 2,
    trial: async (lab) => {
      const hot = trunk(lab.corpus.namespace(), 2);
      await heat(lab, hot);
      await lab.send(hot, { label: probeLabel("gate") });
      await lab.drain();
      await askBusyOwner(lab, { seed: trunk(lab.corpus.namespace(), 6), kind: "owner" });
    },
  }),
  routingCase({
    id: "HOT-01",
    level: "declared-MUST",
    requirement: "R-HOT-1",
    title: "One hot prefix MUST be spread over the pods once its owner is beyond the declared imbalance.",
    unsupported: all(spills, opensInReach),
    blame: { gate: "stayed-beyond-the-gate" },
    sharpOn: ["gate"],
    trials: 1,
    trial: async (lab) => {
      const prompt = trunk(lab.corpus.namespace(), 2);
      await lab.send(prompt, { label: "seed" });
      for (let index = 0; index < 80; index++) await lab.hold(prompt, { label: probeLabel("any") });
    },
  }),
];

/**
 * What every pod must hold, and one of them besides, so that the gate is closed for the relative half alone; undefined
 * where that takes more than {@link MOST_HELD}.
 */
function smallBeside(profile: RouterProfile, podCount: number): { everywhere: number; lead: number } | undefined {
  const { gate } = profile;
  if (gate === null || gate === undefined) return undefined;
  for (let everywhere = 1; everywhere * podCount <= MOST_HELD; everywhere++) {
    for (let lead = 1; everywhere * podCount + lead <= MOST_HELD; lead++) {
      if (gateAt(gate, podCount, lead, everywhere) !== "closed") break;
      if (gateAt({ ...gate, relative: 0 }, podCount, lead, everywhere) === "open") return { everywhere, lead };
    }
  }
  return undefined;
}

/** Requests one pod must hold, the others none, until the gate is open; undefined beyond {@link MOST_HELD}. */
function holdsToOpen(profile: RouterProfile, podCount: number): number | undefined {
  for (let count = 1; count <= MOST_HELD; count++) {
    if (gateAt(profile.gate, podCount, count) === "open") return count;
  }
  return undefined;
}
