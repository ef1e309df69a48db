/** What all parts of a case's lab over HTTP share: whose it is, and what was done and seen so far. */
import type { Corpus } from "../corpus/corpus.ts";
import type { Step } from "../observation.ts";
import type { RouterProfile } from "../router-profile.ts";

export interface CaseRun {
  readonly caseId: string;
  readonly profile: RouterProfile;
  readonly corpus: Corpus;
  /** Which pod serves is nothing to the case, and a declared settling time is not waited for. */
  readonly anyPod: boolean;
  readonly steps: Step[];
  readonly nowMs: () => number;
}

export const noteIn = ({ steps, nowMs }: CaseRun, label: string, data: unknown): void =>
  void steps.push({ kind: "note", label, data, atMs: nowMs() });
