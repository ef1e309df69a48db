/** What all parts of a case's lab over HTTP share: whose it is, what it runs on, and what was done and seen so far. */
import type { CaseEnd } from "../case-end.ts";
import type { Corpus } from "../corpus/corpus.ts";
import type { Step } from "../observation.ts";
import type { RouterProfile } from "../router-profile.ts";
import type { RunningRouter } from "./running-router.ts";
import type { SessionPods } from "./session-pods.ts";

export interface CaseRun {
  readonly profile: RouterProfile;
  readonly corpus: Corpus;
  /** Which pod serves is nothing to the case, and a declared settling time is not waited for. */
  readonly anyPod: boolean;
  readonly running: RunningRouter;
  readonly pods: SessionPods;
  readonly steps: Step[];
  readonly end: CaseEnd;
  readonly nowMs: () => number;
  readonly newRequestId: () => string;
}

export const noteIn = ({ steps, nowMs }: CaseRun, label: string, data: unknown): void =>
  void steps.push({ kind: "note", label, data, atMs: nowMs() });
