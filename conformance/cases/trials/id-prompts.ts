/** Prompts given as token ids. */
import { CHARS_PER_WORD, type Prompt } from "../../corpus/corpus.ts";
import type { Lab } from "../../lab.ts";
import { trunk } from "./shape.ts";

/** Ids that every vocabulary has, none of them special, and all as long when written. */
const ID_FLOOR = 1_000;
const ID_RANGE = 9_000;
const BYTE = 256;

/** A fresh prompt of so many cells, each word of it an id. */
export function asIds(lab: Lab, cellCount = 3): Prompt & { readonly tokenIds: readonly number[] } {
  const prompt = trunk(lab.corpus.namespace(), cellCount);
  const tokenIds = Array.from(
    { length: prompt.text.length / CHARS_PER_WORD },
    () => ID_FLOOR + lab.random.below(ID_RANGE),
  );
  return { ...prompt, tokenIds };
}

/** Another id of that range with the same low byte. */
export const withAnotherHighByte = (id: number): number => (id + BYTE < ID_FLOOR + ID_RANGE ? id + BYTE : id - BYTE);
