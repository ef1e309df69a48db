/**
 * Prompts by which the router may just be learning, by family: who learns, or unlearns, at the end of a response may not have
 * done so when its client has the last byte. Who does not say when may be one of these.
 */
import { CHARS_PER_WORD, type Prompt } from "../corpus/corpus.ts";
import { mayBeUnnoticed } from "../oracle/late-notice.ts";
import type { RouterProfile } from "../router-profile.ts";

/** Prompts of one namespace begin with the same words, and those of others do not. */
const FAMILY_CHARS = 2 * CHARS_PER_WORD;
const familyOf = ({ text }: Prompt): string => text.slice(0, FAMILY_CHARS);

export class TaughtFamilies {
  readonly #profile: RouterProfile;
  /** When the router could last learn from the end of a request. */
  readonly #taughtMs = new Map<string, number>();

  constructor(profile: RouterProfile) {
    this.#profile = profile;
  }

  ended(prompt: Prompt, outcome: "ok" | "error" | "aborted", nowMs: number): void {
    const { at, when } = this.#profile.insert ?? {};
    const teaches = at === "response" || at === undefined || (when !== "always" && outcome !== "ok");
    if (teaches) this.#taughtMs.set(familyOf(prompt), nowMs);
  }

  mayBeLearning(prompt: Prompt, nowMs: number): boolean {
    const taughtMs = this.#taughtMs.get(familyOf(prompt));
    return taughtMs !== undefined && mayBeUnnoticed(taughtMs, nowMs);
  }

  /** Whatever ended was noticed. */
  clear(): void {
    this.#taughtMs.clear();
  }
}
