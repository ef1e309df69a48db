/** LPM: of all known prefixes of a prompt, the longest decides. */
import type { Case } from "../../case.ts";
import { CHARS_PER_WORD, type Prompt } from "../../corpus/corpus.ts";
import type { SentStep } from "../../observation.ts";
import { makeBusy } from "../trials/busy.ts";
import {
  all,
  allOwners,
  belowReachable,
  busyOwner,
  coldReachable,
  loadDecides,
  no,
  ofRequest,
  prefixAware,
  followed,
  separable,
} from "../claims.ts";
import { capacityChars, CELL_CHARS, hasRoom, tooSmall } from "../forgetting/evict-claims.ts";
import { headCells, placeFork } from "../trials/fork.ts";
import { askBusyOwner, busyProbe } from "../trials/owner-trial.ts";
import { probeLabel } from "../trials/judged-probe.ts";
import { routingCase } from "../trials/routing-case.ts";
import { cells, overRatio, ratioIsOfRequest, trunk, under } from "../trials/shape.ts";
import type { RouterProfile } from "../../router-profile.ts";

const contrast = all(prefixAware, separable);
const ownerContrast = all(prefixAware, followed);
const forkable = all(ownerContrast, belowReachable, coldReachable);
/** What is sent so that one pod leads in a load window although another was used eight times. */
const WINDOW_CELLS = 280;
const SHORT = "followed-a-shorter-match";
/** Of prompts of which two make one. */
const MIXED_CELLS = 6;

export const longestMatchCases: readonly Case[] = [
  routingCase({
    id: "LPM-01",
    level: "MUST",
    requirement: "R-LPM-1",
    title: "A prompt MUST go to an owner of its longest known prefix, not of a shorter one.",
    unsupported: forkable,
    blame: { owner: SHORT },
    trial: async (lab, index) => {
      const fork = await placeFork(lab);
      if (fork === undefined) return;
      await makeBusy(lab, fork.longPod);
      // The shorter match passes the threshold as well, or does not.
      await lab.send(index % 2 === 0 ? fork.cut : fork.extended, { label: probeLabel("owner") });
    },
  }),
  routingCase({
    id: "LPM-02",
    level: "MUST",
    requirement: "R-LPM-1",
    title: "A shorter prefix that was used more recently MUST NOT win over a longer one.",
    unsupported: forkable,
    blame: { owner: SHORT },
    trial: async (lab) => {
      const fork = await placeFork(lab);
      if (fork === undefined) return;
      await makeBusy(lab, fork.longPod);
      await lab.send(fork.short, { label: "touch" });
      await lab.send(fork.extended, { label: probeLabel("owner") });
    },
  }),
  routingCase({
    id: "LPM-03",
    level: "MUST",
    requirement: "R-LPM-1",
    title: "A shorter prefix that was used more often MUST NOT win over a longer one.",
    unsupported: all(forkable, (profile) =>
      profile.load?.signal === "window" && !hasRoom(profile, WINDOW_CELLS)
        ? no(tooSmall(profile, "prompts while one pod is kept the busiest in its load window"))
        : undefined,
    ),
    blame: { owner: SHORT },
    trial: async (lab) => {
      // Its own end keeps its uses from the longer one's pod, where they would take room.
      const fork = await placeFork(lab, { shortCells: headCells(lab.profile) + 1 });
      if (fork === undefined) return;
      await makeBusy(lab, fork.longPod);
      for (let use = 0; use < 8; use++) await lab.send(fork.short, { label: "touch" });
      await makeBusy(lab, fork.longPod);
      await lab.send(fork.long, { label: probeLabel("owner") });
    },
  }),
  routingCase({
    id: "LPM-04",
    level: "declared-MUST",
    requirement: "R-LPM-4",
    title: "Text that stands elsewhere in a known prompt MUST NOT count as a match: prefixes start at the start.",
    unsupported: all(contrast, coldReachable),
    blame: { load: "matched-text-that-is-no-prefix" },
    trial: async (lab, index) => {
      const seed = lab.corpus.namespace().prompt(["a", "b", "c"]);
      const moved = MOVES[index % MOVES.length] ?? rotated;
      await askBusyOwner(lab, { seed, probe: moved(seed), kind: "load", ballast: seed });
    },
  }),
  routingCase({
    id: "LPM-05",
    level: "MUST",
    requirement: "R-LPM-1",
    title: "Two families of prompts with a common head MUST each be followed to their own owner.",
    unsupported: forkable,
    blame: { owner: SHORT },
    trial: async (lab, index) => {
      const fork = await placeFork(lab, { shortCells: 12 });
      if (fork === undefined) return;
      const [pod, prompt] = index % 2 === 0 ? [fork.longPod, fork.extended] : [fork.shortPod, fork.shortExtended];
      await makeBusy(lab, pod);
      await lab.send(prompt, { label: probeLabel("owner") });
    },
  }),
  routingCase({
    id: "LPM-06",
    level: "MUST",
    requirement: "R-LPM-6",
    title: "Only the prompt decides: other fields of the request MUST NOT change which prefix it matches.",
    unsupported: ownerContrast,
    blame: { owner: "other-fields-change-the-match" },
    trial: async (lab, index) => {
      const namespace = lab.corpus.namespace();
      await askBusyOwner(lab, {
        seed: namespace.prompt(cells("trunk", 11)),
        seedOptions: { maxTokens: 4 },
        probe: namespace.prompt([...cells("trunk", 11), "end:0.25"]),
        probeOptions: {
          maxTokens: 5 + index,
          body: { temperature: 0.5, user: `user-${index}`, top_p: 0.9, stream: index % 2 === 1 },
        },
        kind: "owner",
      });
    },
  }),
  routingCase({
    id: "LPM-07",
    level: "declared-MUST",
    requirement: "R-LPM-7",
    title: "Of several owners of the longest match, the least loaded MUST be chosen.",
    unsupported: all(prefixAware, loadDecides, busyOwner, belowReachable, coldReachable, allOwners, ofRequest),
    blame: { owner: "chose-the-busier-owner" },
    trial: async (lab, index) => {
      const fork = await placeFork(lab);
      if (fork === undefined) return;
      await makeBusy(lab, index % 2 === 0 ? fork.shortPod : fork.longPod);
      await lab.send(fork.short, { label: probeLabel("any") });
    },
  }),
  routingCase({
    id: "LPM-08",
    level: "MUST",
    requirement: "R-LPM-8",
    title: "A prompt that is a part of a known one MUST match it, wherever the known one was cut before.",
    unsupported: ownerContrast,
    trial: async (lab) => {
      const namespace = lab.corpus.namespace();
      const cellsOf = partCells(lab.profile);
      await askBusyOwner(lab, {
        seed: trunk(namespace, cellsOf.known),
        probe: namespace.prompt([...cells("trunk", cellsOf.part - 1), `trunk${cellsOf.part}:${CUT}`]),
        kind: "owner",
      });
    },
  }),
  routingCase({
    id: "LPM-09",
    level: "SHOULD",
    requirement: "R-LPM-1",
    title: "Many short branches on another pod's path SHOULD NOT outweigh one long match.",
    unsupported: forkable,
    blame: { owner: SHORT },
    trial: async (lab) => {
      const fork = await placeFork(lab);
      if (fork === undefined) return;
      const { twigs, ownCells } = bush(lab.profile);
      for (let twig = 0; twig < twigs; twig++) {
        const start = `trunk1:${(0.1 * (twig + 1)).toFixed(1)}`;
        await lab.send(fork.namespace.prompt([start, ...cells(`twig${twig}-`, ownCells)]), { label: "twig" });
      }
      await makeBusy(lab, fork.longPod);
      await lab.send(fork.extended, { label: probeLabel("owner") });
    },
  }),
  routingCase({
    id: "LPM-10",
    level: "declared-MUST",
    requirement: "R-LPM-4",
    title: "Parts of two known prompts MUST NOT add up to a match: a prefix is one of a single prompt.",
    unsupported: all(contrast, belowReachable, coldReachable),
    blame: { load: "blocks-of-two-prompts-added-up" },
    trial: async (lab) => {
      const { sharedCells, totalCells } = under(lab.profile, MIXED_CELLS);
      const seeds: SentStep[] = [];
      for (let left = lab.pods().length; left >= 0; left--) {
        seeds.push(await lab.send(trunk(lab.corpus.namespace(), totalCells), { label: "seed" }));
      }
      const twins = ofOnePod(seeds);
      if (twins === undefined) return;
      const [first, second] = twins;
      const headChars = sharedCells * CELL_CHARS;
      const probe: Prompt = {
        text: first.prompt.text.slice(0, headChars) + second.prompt.text.slice(headChars),
        cells: [`${sharedCells} cells of one`, `${totalCells - sharedCells} of another`],
      };
      await busyProbe(lab, first.pod ?? "", probe, "load");
    },
  }),
];

/** Two prompts of one pod: where there is one prompt more than pods, some pod has two. */
function ofOnePod(seeds: readonly SentStep[]): readonly [SentStep, SentStep] | undefined {
  const twins = [...Map.groupBy(seeds, ({ pod }) => pod).entries()].find(
    ([pod, some]) => pod !== null && some.length > 1,
  );
  const [first, second] = twins?.[1] ?? [];
  return first === undefined || second === undefined ? undefined : [first, second];
}

/** Short branches, as many as leave room for the long one on its pod. */
function bush(profile: RouterProfile): { readonly twigs: number; readonly ownCells: number } {
  const isSmall = capacityChars(profile) > 0 && capacityChars(profile) < SMALL_INDEX_CELLS * CELL_CHARS;
  return isSmall ? { twigs: 4, ownCells: 1 } : { twigs: 8, ownCells: 3 };
}

const SMALL_INDEX_CELLS = 60;

const CUT = 0.3;
/** A threshold of 1 is met by no part. */
const MOST_CELLS = 20;

/** Cells of a known prompt, and whole ones of a part of it: enough of it, where the ratio may be of what is known. */
function partCells(profile: RouterProfile): { readonly known: number; readonly part: number } {
  if (ratioIsOfRequest(profile)) return { known: 5, part: 3 };
  const known = Math.min(MOST_CELLS, Math.max(5, Math.ceil((1 - CUT) / (1 - overRatio(profile)))));
  return { known, part: known - 1 };
}

/** The prompt without its first cell. */
function headless({ text, cells: names }: Prompt): Prompt {
  return { text: text.slice(CELL_CHARS), cells: names.slice(1) };
}

/** Every two words have changed places. */
function swapped({ text, cells: names }: Prompt): Prompt {
  const words = Array.from({ length: text.length / CHARS_PER_WORD }, (_, index) => {
    const at = CHARS_PER_WORD * (index % 2 === 0 ? index + 1 : index - 1);
    return text.slice(at, at + CHARS_PER_WORD);
  });
  return { text: words.join(""), cells: [...names, "neighbouring words swapped"] };
}

/** The first cell moved to the end. */
function rotated(prompt: Prompt): Prompt {
  const { text, cells: names } = headless(prompt);
  return { text: text + prompt.text.slice(0, CELL_CHARS), cells: [...names, "nonce"] };
}

const MOVES: readonly ((prompt: Prompt) => Prompt)[] = [rotated, headless, swapped];
