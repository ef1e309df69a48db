/** Several prompts that lived through the same change of pods: a change may take its time, a prompt takes none. */
import type { Prompt } from "../../corpus/corpus.ts";
import type { Lab } from "../../lab.ts";
import { makeBusy } from "./busy.ts";
import { unpredictable } from "../claims.ts";
import { probeLabel } from "./judged-probe.ts";
import { trunk } from "./shape.ts";

export interface Taught {
  readonly prompt: Prompt;
  readonly owner: string;
}

/** Changes of pods in a case, at the first look. */
export const CHANGES = 2;
/** Short ones: together they must not fill an index. */
const CELLS = 2;
const PROMPTS = 6;
/** Where chance meets the owner too; a third of them must be enough. */
const PROMPTS_BY_CHANCE = 16;

export async function teach(lab: Lab): Promise<readonly Taught[]> {
  const taught: Taught[] = [];
  for (let left = unpredictable(lab.profile) ? PROMPTS_BY_CHANCE : PROMPTS; left > 0; left--) {
    const prompt = trunk(lab.corpus.namespace(), CELLS);
    const { pod } = await lab.send(prompt, { label: "seed" });
    if (pod !== null) taught.push({ prompt, owner: pod });
  }
  return taught;
}

/** Pods by how many of these prompts they own, the most first. */
export function byPrompts(lab: Lab, taught: readonly Taught[]): readonly string[] {
  const count = (pod: string): number => taught.filter(({ owner }) => owner === pod).length;
  return lab.random.shuffle([...lab.pods()]).toSorted((a, b) => count(b) - count(a));
}

export async function askOwners(lab: Lab, taught: readonly Taught[]): Promise<void> {
  for (const { prompt, owner } of taught) {
    await makeBusy(lab, owner);
    await lab.send(prompt, { label: probeLabel("owner") });
    await lab.settle();
  }
}
