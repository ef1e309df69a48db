/** SPL: what happens to owners where a known prompt is cut by a new one. */
import type { Case } from "../../case.ts";
import type { Judgement } from "../../judgement.ts";
import type { Observation } from "../../observation.ts";
import type { RouterProfile } from "../../router-profile.ts";
import { makeBusy } from "../trials/busy.ts";
import {
  all,
  allOwners,
  belowReachable,
  busyOwner,
  coldReachable,
  loadDecides,
  none,
  prefixAware,
  followed,
  gateTold,
} from "../claims.ts";
import { hasRoom } from "../forgetting/evict-claims.ts";
import { placeFork } from "../trials/fork.ts";
import { askBusyOwner } from "../trials/owner-trial.ts";
import { probeLabel } from "../trials/judged-probe.ts";
import { routingCase } from "../trials/routing-case.ts";
import { cells } from "../trials/shape.ts";

const contrast = all(prefixAware, followed);
const forkable = all(contrast, belowReachable, coldReachable);
const bothOwnersKnown = all(prefixAware, loadDecides, busyOwner, belowReachable, coldReachable, allOwners);

const SPLIT_POINTS = ["0.37", "0.61", "0.83", "0.95"] as const;
const TURNS = 60;

/** All of them may come to one pod: in a small index they must leave room for what they split. */
function splitShape(profile: RouterProfile): { originalCells: number; splits: number; ownCells: number } {
  const isRoomy = hasRoom(profile, 35);
  return isRoomy ? { originalCells: 9, splits: 4, ownCells: 3 } : { originalCells: 4, splits: 3, ownCells: 1 };
}

export const splitCases: readonly Case[] = [
  routingCase({
    id: "SPL-01",
    level: "MUST",
    requirement: "R-SPL-1",
    title: "After a split, each branch MUST still be followed to the pod that was sent it.",
    unsupported: forkable,
    blame: { owner: "branch-lost-its-owner" },
    trial: async (lab) => {
      const fork = await placeFork(lab, { shortCells: 12 });
      if (fork === undefined) return;
      await makeBusy(lab, fork.shortPod);
      await lab.send(fork.shortExtended, { label: probeLabel("owner") });
      await lab.settle();
      await makeBusy(lab, fork.longPod);
      await lab.send(fork.extended, { label: probeLabel("owner") });
    },
  }),
  routingCase({
    id: "SPL-02",
    level: "declared-MUST",
    requirement: "R-SPL-2",
    title: "The common head of two branches MUST go to the less loaded of both their owners.",
    unsupported: bothOwnersKnown,
    blame: { owner: "chose-the-busier-owner" },
    trial: async (lab) => {
      const fork = await placeFork(lab, { shortCells: 12 });
      if (fork === undefined) return;
      await makeBusy(lab, fork.shortPod, { ballast: fork.short });
      await lab.send(fork.head, { label: probeLabel("any") });
    },
  }),
  routingCase({
    id: "SPL-03",
    level: "MUST",
    requirement: "R-SPL-1",
    title: "A prompt MUST keep its owner when later prompts split it at points that are no multiple of anything.",
    unsupported: contrast,
    blame: { owner: "branch-lost-its-owner" },
    trial: async (lab, trial) => {
      const namespace = lab.corpus.namespace();
      const { originalCells, splits, ownCells } = splitShape(lab.profile);
      const original = cells("trunk", originalCells);
      const points = [...SPLIT_POINTS.slice(0, splits).entries()];
      const split = async (): Promise<void> => {
        // From the deepest up, each split cuts a node that has branches already.
        for (const [index, point] of trial % 2 === 0 ? points : points.toReversed()) {
          const cut = [...original.slice(0, index), `trunk${index + 1}:${point}`];
          await lab.send(namespace.prompt([...cut, ...cells(`other${index}-`, ownCells)]), { label: "split" });
        }
        await lab.settle();
      };
      await askBusyOwner(lab, { seed: namespace.prompt(original), meanwhile: split, kind: "owner" });
    },
  }),
  routingCase({
    id: "SPL-04",
    level: "MUST",
    requirement: "R-SPL-4",
    title: "A conversation that grows turn by turn MUST stay on its pod.",
    unsupported: all(prefixAware, gateTold),
    trials: 1,
    trial: async (lab) => {
      const namespace = lab.corpus.namespace();
      const turns = ["trunk1", "trunk2"];
      await lab.send(namespace.prompt(turns), { label: "seed" });
      for (let turn = 0; turn < TURNS; turn++) {
        turns.push(`turn${turn}:0.1`);
        await lab.send(namespace.prompt(turns), { label: probeLabel("any") });
      }
    },
  }),
  {
    id: "SPL-05",
    level: "MUST",
    requirement: "R-SPL-5",
    title: "Prompts that are empty, one unit long, or differ from all others at their first unit MUST be answered.",
    needs: { transport: "any", anyPod: true },
    unsupported: none,
    traffic: async (lab) => {
      for (const text of ["", " ", "a", "b", "ab", "a", "zzzz", " ", "", "é", "abc"]) {
        await lab.send({ text, cells: [] }, { label: "tiny" });
      }
      await lab.send(lab.corpus.namespace().prompt([]), { label: "after" });
    },
    judge: judgeTinyPrompts,
  },
  routingCase({
    id: "SPL-06",
    level: "declared-MUST",
    requirement: "R-SPL-2",
    title: "A split MUST leave the common head to its old owners too.",
    unsupported: bothOwnersKnown,
    blame: { owner: "split-lost-the-old-owners" },
    trial: async (lab) => {
      const fork = await placeFork(lab, { shortCells: 12 });
      if (fork === undefined) return;
      // The first probe after the split must be the one that tells: any use of the old branch would mend it. The new one
      // weighs enough to outdo whatever a router that looks at prompt sizes may still count elsewhere.
      await makeBusy(lab, fork.longPod, { ballast: fork.long });
      await lab.send(fork.head, { label: probeLabel("any") });
    },
  }),
];

/** A pod may refuse an empty prompt; a crash, a hang or a 5xx is the router's. */
function judgeTinyPrompts(observation: Observation): Judgement {
  const sent = observation.steps.flatMap((step) => (step.kind === "sent" ? [step] : []));
  const broken = sent.find(
    ({ status, label }) => status === 0 || status >= 500 || (label === "after" && status >= 400),
  );
  if (broken !== undefined) {
    return {
      verdict: "fail",
      reason: "tiny-prompt-not-answered",
      detail: `a prompt of ${broken.prompt.text.length} characters got status ${broken.status}`,
    };
  }
  const after = sent.find(({ label }) => label === "after");
  if (after?.pod === null) {
    const detail = "an ordinary prompt afterwards reached no pod: whoever answered, nothing was asked to compute";
    return { verdict: "fail", reason: "request-not-served", detail };
  }
  return { verdict: "pass" };
}
