/** LPM: of all known prefixes of a prompt, the longest decides. */
import type { Case } from "../../case.ts";
import type { Prompt } from "../../corpus/corpus.ts";
import { makeBusy } from "../trials/busy.ts";
import {
  all,
  allOwners,
  belowReachable,
  busyOwner,
  coldReachable,
  loadDecides,
  ofRequest,
  prefixAware,
  followed,
  separable,
} from "../claims.ts";
import { placeFork } from "../trials/fork.ts";
import { askBusyOwner } from "../trials/owner-trial.ts";
import { probeLabel } from "../trials/judged-probe.ts";
import { routingCase } from "../trials/routing-case.ts";
import { cells, trunk } from "../trials/shape.ts";

const contrast = all(prefixAware, separable);
const ownerContrast = all(prefixAware, followed);
const forkable = all(ownerContrast, belowReachable, coldReachable);
const SHORT = "followed-a-shorter-match";

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
    unsupported: forkable,
    blame: { owner: SHORT },
    trial: async (lab) => {
      const fork = await placeFork(lab);
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
      const probe = index % 2 === 0 ? rotated(seed) : headless(seed);
      await askBusyOwner(lab, { seed, probe, kind: "load", ballast: seed });
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
      await askBusyOwner(lab, {
        seed: trunk(namespace, 5),
        probe: namespace.prompt(["trunk1", "trunk2", "trunk3:0.3"]),
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
      for (let twig = 0; twig < 8; twig++) {
        await lab.send(
          fork.namespace.prompt([`trunk1:${(0.1 * (twig + 1)).toFixed(1)}`, ...cells(`twig${twig}-`, 3)]),
          {
            label: "twig",
          },
        );
      }
      await makeBusy(lab, fork.longPod);
      await lab.send(fork.extended, { label: probeLabel("owner") });
    },
  }),
];

const CELL_CHARS = 640;

/** The prompt without its first cell. */
function headless({ text, cells: names }: Prompt): Prompt {
  return { text: text.slice(CELL_CHARS), cells: names.slice(1) };
}

/** The first cell moved to the end. */
function rotated(prompt: Prompt): Prompt {
  const { text, cells: names } = headless(prompt);
  return { text: text + prompt.text.slice(0, CELL_CHARS), cells: [...names, "nonce"] };
}
