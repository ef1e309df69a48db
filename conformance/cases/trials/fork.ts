/** Two prompts with a common head on two different pods: the set-up of most longest-match and split cases. */
import type { Namespace, Prompt } from "../../corpus/corpus.ts";
import type { Lab } from "../../lab.ts";
import type { RouterProfile } from "../../router-profile.ts";
import { makeBusy } from "./busy.ts";
import { cells, overRatio, under } from "./shape.ts";

export interface Fork {
  readonly namespace: Namespace;
  /** The head, followed by cells of its own if so asked; served by `shortPod`. */
  readonly short: Prompt;
  readonly shortPod: string;
  /** The head followed by other cells; too little of it was known, so it went elsewhere. */
  readonly long: Prompt;
  readonly longPod: string;
  /** The common head alone. */
  readonly head: Prompt;
  /** So much of the long one that the short one's pod passes the threshold for it too, where one cell can be spared. */
  readonly cut: Prompt;
  /** Each prompt and a quarter of a cell more. */
  readonly extended: Prompt;
  readonly shortExtended: Prompt;
}

const TOTAL_CELLS = 12;
const MAX_TRIES = 6;
/** A router that parts prompts by chance parts three in four: one that never did after so many will not in this case. */
const MOST_TRIES_IN_VAIN = 12;
const PARTED = "parted";

/**
 * Sends the one prompt, makes its pod busy and sends the other, until they lie on different pods; then settles. The first
 * is the short one, or where the ratio is of what is known the long one, of which the short one is too little.
 * Undefined when they never did: the trial then shows nothing.
 */
export async function placeFork(
  lab: Lab,
  { shortCells }: { readonly shortCells?: number } = {},
): Promise<Fork | undefined> {
  const { profile } = lab;
  const { sharedCells, totalCells } = under(profile, TOTAL_CELLS);
  const trunk = cells("trunk", sharedCells - 1);
  const over = overRatio(profile);
  const cutCells = Math.max(sharedCells + 1, Math.floor(sharedCells / over));
  const longCells = [...trunk, ...cells("long", totalCells - sharedCells)];
  const shortOwn = cells("short", Math.max(0, (shortCells ?? shortestCells(profile)) - sharedCells));
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    if (triedInVain(lab) >= MOST_TRIES_IN_VAIN) return undefined;
    const namespace = lab.corpus.namespace();
    const short = namespace.prompt([...trunk, ...shortOwn]);
    const long = namespace.prompt(longCells);
    const longFirst = profile.threshold?.ratioOf === "cached";
    const [first, second] = longFirst ? [long, short] : [short, long];
    const { pod: firstPod } = await lab.send(first, { label: "seed-first" });
    if (firstPod === null) return undefined;
    await makeBusy(lab, firstPod, { ballast: first });
    const { pod: secondPod } = await lab.send(second, { label: "seed-second" });
    await lab.settle();
    if (secondPod === null) return undefined;
    lab.note(PARTED, secondPod !== firstPod);
    if (secondPod === firstPod) continue;
    const [longPod, shortPod] = longFirst ? [firstPod, secondPod] : [secondPod, firstPod];
    return {
      namespace,
      short,
      shortPod,
      long,
      longPod,
      head: namespace.prompt(trunk),
      cut: namespace.prompt(longCells.slice(0, cutCells - 1)),
      extended: namespace.prompt([...longCells, "end:0.25"]),
      shortExtended: namespace.prompt([...trunk, ...shortOwn, "stop:0.25"]),
    };
  }
  return undefined;
}

/** Since it parted two prompts last. */
function triedInVain(lab: Lab): number {
  const tries = lab
    .observation()
    .steps.flatMap((step) => (step.kind === "note" && step.label === PARTED ? [step] : []));
  return tries.length - 1 - tries.findLastIndex(({ data }) => data === true);
}

/** The head alone, where the ratio is of the one prompt or of the other; both as long where it may be of either. */
function shortestCells({ threshold }: RouterProfile): number {
  return threshold?.ratioOf === undefined && threshold !== null ? TOTAL_CELLS : 0;
}

/** Of the common head. */
export const headCells = (profile: RouterProfile): number => under(profile, TOTAL_CELLS).sharedCells;
