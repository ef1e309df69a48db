/** EVI: what an index of declared capacity keeps, and what it forgets. */
import type { Case } from "../../case.ts";
import type { Prompt } from "../../corpus/corpus.ts";
import type { Lab } from "../../lab.ts";
import type { RouterProfile } from "../../router-profile.ts";
import { makeBusy } from "../trials/busy.ts";
import { all, belowReachable, busyOwner, claimed, coldReachable, loadDecides, no, prefixAware } from "../claims.ts";
import { capacityChars, CELL_CHARS, hasRoom, tooSmall } from "./evict-claims.ts";
import { placeFork } from "../trials/fork.ts";
import { busyProbe } from "../trials/owner-trial.ts";
import { routingCase } from "../trials/routing-case.ts";
import { branch, over, overRatio, trunk } from "../trials/shape.ts";

/** The most text a case may send to fill an index. */
const MAX_FLOOD_CHARS = 20_000_000;
const PROMPTS_TO_FILL = 16;
/** Fresh prompts per one that must land on a certain pod of three. */
const MOST_TRIES_EACH = 12;
/** Parts of an index. Together the first two are more than it holds, and neither alone, whatever makes pods busy besides. */
const BEFORE_USE = 0.65;
const AFTER_USE = 0.4;
const WELL_WITHIN = 0.5;
const BEYOND = 1.1;
/** Of both prompts of a fork, and of what is asked of one. */
const FORK_CELLS = 30;

const fillable = all(
  prefixAware,
  loadDecides,
  busyOwner,
  claimed("evict.kind capacity", ({ evict }: RouterProfile) => evict?.kind === "capacity"),
  (profile) =>
    capacityChars(profile) * 6 > MAX_FLOOD_CHARS ? no("the index is too large to be filled in a test") : undefined,
);

const perPod = claimed("evict.per pod", ({ evict }) => evict?.kind === "capacity" && evict.per === "pod");

export const capacityCases: readonly Case[] = [
  routingCase({
    id: "EVI-05",
    level: "declared-MUST",
    requirement: "R-EVI-5",
    title: "A full index MUST forget what was used least recently, and keep what is in use.",
    unsupported: all(fillable, coldReachable),
    blame: { owner: "evicted-out-of-order", load: "evicted-out-of-order" },
    trials: 1,
    trial: async (lab) => {
      const taught = await teach(lab);
      if (taught === undefined) return;
      const { prompt: kept, pod } = taught;
      const inserts = flood(lab.profile, lab.pods().length);
      const old: { prompt: Prompt; pod: string }[] = [];
      for (let insert = 0; insert < inserts; insert++) {
        const prompt = trunk(lab.corpus.namespace(), promptCells(lab.profile));
        const { pod: served } = await lab.send(prompt, { label: "flood" });
        if (insert < 6 && served !== null) old.push({ prompt, pod: served });
        if (insert % 2 === 0) await lab.send(kept, { label: "use" });
      }
      await lab.settle();
      await busyProbe(lab, pod, kept, "owner");
      await lab.settle();
      for (const forgotten of old) {
        await busyProbe(lab, forgotten.pod, forgotten.prompt, "load");
        await lab.settle();
      }
    },
  }),
  routingCase({
    id: "EVI-06",
    level: "declared-MUST",
    requirement: "R-EVI-6",
    title: "With a capacity per pod, filling one pod's index MUST NOT make another pod's prefixes be forgotten.",
    unsupported: all(fillable, perPod, (profile) =>
      hasRoom(profile, growingCells(profile) + 1)
        ? undefined
        : no(tooSmall(profile, "a prompt so long that it is still followed with a cell more")),
    ),
    blame: { owner: "another-pods-entries-evicted-it" },
    // One alone tells nothing where a router explores.
    trials: 2,
    minimumSharp: 1,
    trial: async (lab) => {
      const taught = await teach(lab);
      if (taught === undefined) return;
      const { prompt: kept, pod } = taught;
      await makeBusy(lab, pod);
      // While its pod is busy a fresh prompt lands elsewhere, and its extensions follow it there.
      const namespace = lab.corpus.namespace();
      const sharedCells = growingCells(lab.profile);
      const first = await lab.send(trunk(namespace, sharedCells), { label: "flood" });
      await lab.settle();
      if (first.pod === null || first.pod === pod) return;
      for (let insert = 0; insert < flood(lab.profile, 1); insert++) {
        const shape = { sharedCells, totalCells: sharedCells + 1 };
        await lab.send(branch(namespace, shape, `flood${insert}-`), { label: "flood" });
      }
      await lab.settle();
      await busyProbe(lab, pod, kept, "owner");
    },
  }),
  routingCase({
    id: "EVI-14",
    level: "declared-MUST",
    requirement: "R-EVI-6",
    title:
      "With a capacity per pod, filling one pod's index MUST NOT take from another the head that their prompts share.",
    unsupported: all(fillable, belowReachable, coldReachable, perPod, (profile) =>
      hasRoom(profile, FORK_CELLS) ? undefined : no(tooSmall(profile, "two long prompts that share a head")),
    ),
    blame: { owner: "another-pods-eviction-took-it" },
    trials: 2,
    minimumSharp: 1,
    trial: async (lab) => {
      const fork = await placeFork(lab, { shortCells: 12 });
      if (fork === undefined) return;
      // What is fresh keeps away from it.
      await makeBusy(lab, fork.longPod);
      if (!(await fill(lab, fork.shortPod, BEYOND))) return;
      await lab.settle();
      await busyProbe(lab, fork.longPod, fork.extended, "owner");
    },
  }),
  routingCase({
    id: "EVI-11",
    level: "declared-MUST",
    requirement: "R-EVI-5",
    title: "In an index of declared capacity each use MUST lengthen a prefix's life.",
    unsupported: fillable,
    blame: { owner: "use-did-not-refresh" },
    trials: 2,
    trial: async (lab) => {
      const kept = await teach(lab);
      if (kept === undefined || !(await fill(lab, kept.pod, BEFORE_USE))) return;
      const { pod } = await lab.send(kept.prompt, { label: "use" });
      if (pod === null || !(await fill(lab, pod, AFTER_USE))) return;
      await busyProbe(lab, pod, kept.prompt, "owner");
    },
  }),
  routingCase({
    id: "EVI-12",
    level: "declared-MUST",
    requirement: "R-EVI-12",
    title: "What an index of the declared capacity holds with ease MUST be kept.",
    unsupported: fillable,
    blame: { owner: "forgotten-below-capacity" },
    trials: 2,
    trial: async (lab) => {
      const kept = await teach(lab);
      if (kept === undefined || !(await fill(lab, kept.pod, WELL_WITHIN))) return;
      await busyProbe(lab, kept.pod, kept.prompt, "owner");
    },
  }),
];

interface Kept {
  readonly prompt: Prompt;
  readonly pod: string;
}

async function teach(lab: Lab): Promise<Kept | undefined> {
  const prompt = trunk(lab.corpus.namespace(), promptCells(lab.profile));
  const { pod } = await lab.send(prompt, { label: "seed" });
  return pod === null ? undefined : { prompt, pod };
}

/** Sends fresh prompts until they are this part of the index that the pod's prompts stand in; whether they came to be. */
async function fill(lab: Lab, pod: string, part: number): Promise<boolean> {
  const { evict } = lab.profile;
  const isCounted = (served: string | null): boolean =>
    served === pod || (evict?.kind === "capacity" && evict.per === "all");
  const wanted = Math.ceil((part * capacityChars(lab.profile)) / (promptCells(lab.profile) * CELL_CHARS));
  let left = wanted;
  for (let tries = MOST_TRIES_EACH * wanted; tries > 0 && left > 0; tries--) {
    const served = await lab.send(trunk(lab.corpus.namespace(), promptCells(lab.profile)), { label: "flood" });
    if (isCounted(served.pod)) left--;
  }
  return left === 0;
}

/** Cells of a prompt of which sixteen fill one index. */
const promptCells = (profile: RouterProfile): number =>
  Math.max(2, Math.floor(capacityChars(profile) / PROMPTS_TO_FILL / CELL_CHARS));

/** Cells of a prompt that is clearly followed when it has one cell more. */
function growingCells(profile: RouterProfile): number {
  const ratio = overRatio(profile);
  return Math.max(over(profile, Math.max(4, promptCells(profile))).sharedCells, Math.ceil(ratio / (1 - ratio)));
}

/** How many such prompts make it overflow several times over. */
function flood(profile: RouterProfile, podCount: number): number {
  const perIndex = Math.ceil(capacityChars(profile) / (promptCells(profile) * CELL_CHARS));
  const indexes = profile.evict?.kind === "capacity" && profile.evict.per === "pod" ? podCount : 1;
  return 3 * perIndex * indexes;
}
