/** THR: the share of a prompt that must match before the router follows its owner. */
import type { Case, Unsupported } from "../../case.ts";
import type { Lab } from "../../lab.ts";
import { CHARS_PER_WORD, type Namespace, type Prompt, WORDS_PER_CELL } from "../../corpus/corpus.ts";
import { measureOf } from "../../oracle/measure.ts";
import type { RouterProfile } from "../../router-profile.ts";
import { hasRoom, tooSmall } from "../forgetting/evict-claims.ts";
import { makeBusy } from "../trials/busy.ts";
import {
  all,
  belowReachable,
  busyOwner,
  claimed,
  coldReachable,
  exactLengths,
  followed,
  loadDecides,
  no,
  ofRequest,
  prefixAware,
  separable,
} from "../claims.ts";
import { exactShape } from "../trials/exact-shape.ts";
import { askBusyOwner } from "../trials/owner-trial.ts";
import { probeLabel } from "../trials/judged-probe.ts";
import { routingCase } from "../trials/routing-case.ts";
import { branch, cells, over, root, trunk, under, underRatio } from "../trials/shape.ts";

const contrast = all(prefixAware, separable);
const sharpContrast = all(prefixAware, loadDecides, busyOwner);

/** Asked for a load answer, a prompt below the threshold may well be held on its owner: nothing is taught by it. */
const askUnder = (lab: Lab, seed: Prompt, probe: Prompt) =>
  askBusyOwner(lab, { seed, probe, kind: "load", ballast: seed });

const askOver = (lab: Lab, seed: Prompt, probe: Prompt) => askBusyOwner(lab, { seed, probe, kind: "owner" });

const ASKED_CELLS = 2;
const MOST_KNOWN_CELLS = 16;

/** Of a prompt of which two cells are clearly too little; long, unless the index is small. */
function knownCells(profile: RouterProfile): number {
  if (hasRoom(profile, MOST_KNOWN_CELLS)) return MOST_KNOWN_CELLS;
  return Math.min(MOST_KNOWN_CELLS, Math.ceil(ASKED_CELLS / underRatio(profile)));
}

/** Step n of eleven shares n + 1 cells of twelve. */
async function ladderStep(lab: Lab, index: number): Promise<void> {
  const namespace = lab.corpus.namespace();
  const shape = { sharedCells: index + 1, totalCells: 12 };
  await askBusyOwner(lab, {
    seed: root(lab.profile, namespace, shape),
    probe: branch(namespace, shape),
    kind: "any",
  });
}

export const thresholdCases: readonly Case[] = [
  routingCase({
    id: "THR-01",
    level: "declared-MUST",
    requirement: "R-THR-1",
    title:
      "A prompt that matches clearly less than the threshold MUST be routed by load, not to the owner of its prefix.",
    unsupported: all(contrast, belowReachable, coldReachable),
    trial: async (lab) => {
      const namespace = lab.corpus.namespace();
      const shape = under(lab.profile);
      await askUnder(lab, root(lab.profile, namespace, shape), branch(namespace, shape));
    },
  }),
  routingCase({
    id: "THR-02",
    level: "declared-MUST",
    requirement: "R-THR-2",
    title: "A prompt that matches clearly more than the threshold MUST be routed to an owner of its prefix.",
    unsupported: all(prefixAware, followed),
    trial: async (lab) => {
      const namespace = lab.corpus.namespace();
      const shape = over(lab.profile);
      await askOver(lab, trunk(namespace, shape.sharedCells), branch(namespace, shape));
    },
  }),
  routingCase({
    id: "THR-03",
    level: "declared-MUST",
    requirement: "R-THR-3",
    title:
      "As the matched share grows from nothing to all, the answer MUST switch from load to owner once, at the threshold.",
    unsupported: all(sharpContrast, belowReachable, coldReachable),
    trials: 11,
    minimumSharp: 3,
    sharpOn: ["owner", "load"],
    trial: ladderStep,
  }),
  routingCase({
    id: "THR-04",
    level: "declared-MUST",
    requirement: "R-THR-4",
    title: "At exactly the threshold, the declared comparison MUST decide: > routes by load, >= follows the owner.",
    unsupported: all(sharpContrast, coldReachable, exactLengths, ofRequest, (profile) =>
      exactShape(profile) === undefined ? no("no prompt of this unit meets the threshold exactly") : undefined,
    ),
    trial: async (lab) => {
      const shape = exactShape(lab.profile);
      if (shape === undefined) return;
      const namespace = lab.corpus.namespace();
      const shared = wordsOf("trunk", shape.sharedWords - WORDS_PER_CELL);
      const rest = wordsOf("leaf", shape.totalWords - shape.sharedWords);
      const ask = lab.profile.threshold?.comparison === ">=" ? askOver : askUnder;
      await ask(lab, namespace.prompt(shared), namespace.prompt([...shared, ...rest]));
    },
  }),
  routingCase({
    id: "THR-05",
    level: "declared-MUST",
    requirement: "R-THR-5",
    title: "The ratio MUST be taken of the request, not of the longer prompt that was learnt.",
    unsupported: all(prefixAware, followed, ofRequest, (profile) =>
      hasRoom(profile, knownCells(profile)) ? undefined : no(tooSmall(profile, "so long a prompt")),
    ),
    trial: async (lab) => {
      const namespace = lab.corpus.namespace();
      await askOver(lab, trunk(namespace, knownCells(lab.profile)), trunk(namespace, ASKED_CELLS));
    },
  }),
  routingCase({
    id: "THR-09",
    level: "declared-MUST",
    requirement: "R-THR-9",
    title:
      "The ratio MUST be taken of the known prompt where that is declared: the start of a long one is not followed.",
    unsupported: all(
      contrast,
      belowReachable,
      coldReachable,
      claimed("threshold.ratioOf cached", ({ threshold }) => threshold?.ratioOf === "cached"),
    ),
    trial: async (lab) => {
      const namespace = lab.corpus.namespace();
      const { sharedCells, totalCells } = under(lab.profile);
      await askUnder(lab, trunk(namespace, totalCells), trunk(namespace, sharedCells));
    },
  }),
  routingCase({
    id: "THR-06",
    level: "declared-MUST",
    requirement: "R-THR-6",
    title:
      "The threshold MUST be relative: a short prompt matched whole is followed, a long one matched in part is not.",
    unsupported: all(contrast, belowReachable, coldReachable),
    trials: 8,
    minimumSharp: 4,
    trial: async (lab, index) => {
      const namespace = lab.corpus.namespace();
      if (index % 2 === 0) {
        const known = index % 4 === 0 ? trunk(namespace, 2) : aFewWords(namespace);
        return void (await askOver(lab, known, known));
      }
      const shape = under(lab.profile, 27);
      await askUnder(lab, root(lab.profile, namespace, shape), branch(namespace, shape));
    },
  }),
  routingCase({
    id: "THR-07",
    level: "declared-MUST",
    requirement: "R-THR-7",
    title: "A prompt that was routed by load MUST be learnt: its repetition goes to the pod that served it.",
    unsupported: all(
      prefixAware,
      followed,
      belowReachable,
      coldReachable,
      claimed("insert.when", ({ insert }) => insert?.when !== undefined),
    ),
    blame: { owner: "below-threshold-prompt-not-learnt" },
    trial: async (lab) => {
      const namespace = lab.corpus.namespace();
      const shape = under(lab.profile);
      const served = await askBusyOwner(lab, {
        seed: root(lab.profile, namespace, shape),
        probe: branch(namespace, shape),
        kind: "any",
      });
      await lab.settle();
      if (served === undefined || served.pod === null) return;
      await makeBusy(lab, served.pod);
      await lab.send(branch(namespace, shape), { label: probeLabel("owner") });
    },
  }),
  routingCase({
    id: "THR-08",
    level: "declared-MUST",
    requirement: "R-THR-8",
    title: "When another threshold is set, the answer MUST switch at that one.",
    needs: { otherThreshold: true },
    unsupported: all(
      sharpContrast,
      coldReachable,
      claimed("threshold", ({ threshold }) => threshold !== null && threshold !== undefined),
    ),
    blame: { load: "threshold-not-taken", owner: "threshold-not-taken" },
    trials: 11,
    minimumSharp: 3,
    sharpOn: ["owner", "load"],
    trial: ladderStep,
  }),
  routingCase({
    id: "THR-10",
    level: "declared-MUST",
    requirement: "R-THR-10",
    title: "However long a prompt is, one that matches clearly more than the threshold MUST be routed to an owner.",
    unsupported: all(prefixAware, followed, holdsLongPrompts),
    trials: 3,
    trial: async (lab) => {
      const namespace = lab.corpus.namespace();
      const shape = over(lab.profile, LONG_CELLS);
      // Held, so that no engine has to prefill it.
      const seed = await lab.hold(trunk(namespace, shape.sharedCells), { label: "seed" });
      await seed.release();
      if (seed.step.pod === null) return;
      // By a part of the seed: to a pod that a window holds so much against, nothing fresh would go.
      await makeBusy(lab, seed.step.pod, { ballast: trunk(namespace, 2) });
      await lab.hold(branch(namespace, shape), { label: probeLabel("owner") });
    },
  }),
];

const FEW_WORDS = 32;

/** No whole cell: two blocks of most engines. */
const aFewWords = (namespace: Namespace): Prompt => ({
  text: namespace.prompt([]).text.slice(0, FEW_WORDS * CHARS_PER_WORD),
  cells: [`the first ${FEW_WORDS} words`],
});

/** 30,720 tokens, 153,600 characters: with an answer a pod takes 32,768, and need not count what is longer. */
const LONG_CELLS = 240;

/** An index of the declared capacity holds the two prompts of a trial with ease. */
function holdsLongPrompts(profile: RouterProfile): Unsupported | undefined {
  const { evict } = profile;
  const measure = measureOf(profile);
  if (evict?.kind !== "capacity" || measure === undefined) return undefined;
  const longUnits = LONG_CELLS * measure.total("x".repeat(WORDS_PER_CELL * CHARS_PER_WORD)).high;
  return evict.units * measure.blockUnits < 4 * longUnits ? no("its index is too small for a long prompt") : undefined;
}

/** Cells of that many words in all, the last one cut where need be. */
function wordsOf(name: string, words: number): string[] {
  const whole = cells(name, Math.floor(words / WORDS_PER_CELL));
  const left = words % WORDS_PER_CELL;
  return left === 0 ? whole : [...whole, `${name}${whole.length + 1}:${left / WORDS_PER_CELL}`];
}
