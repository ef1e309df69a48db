import type { TokenRun } from "../../fixtures/traces/trace.ts";
import { CORPUS_WORDS } from "../corpus/words.ts";

/**
 * A trace's prompt as text that any router and any tokenizer can take: a word for each token, the same for the same id, so
 * that text shares a prefix exactly where ids do (but for one chance in some hundred at the first word that differs).
 */
export function promptText(runs: readonly TokenRun[]): string {
  let text = "";
  for (const [first, length] of runs) {
    for (let id = first; id < first + length; id++) text += ` ${CORPUS_WORDS[mix(id) % CORPUS_WORDS.length]}`;
  }
  return text;
}

/** Spreads neighbouring ids over the words: MurmurHash3's finisher. */
function mix(id: number): number {
  let mixed = Math.imul(id ^ (id >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
