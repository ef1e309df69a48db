/** Whole answers and chunks. */
import type { ByVersion } from "./version.ts";

export interface AnswersProfile {
  /** Keys that answers had before `token_ids`, `service_tier` and their kind came. */
  readonly keys: "0.7" | "0.10" | "now";
  /** Whether usage tells that nothing was cached. */
  readonly zeroCached: "told" | "left-out";
  /** How an answer to a request for an alias names the model. */
  readonly model: "as-asked" | "as-served";
  /** Hex digits in the ids of answers and permissions. */
  readonly idDigits: 16 | 32;
  /** `system_fingerprint`, since April 2026. */
  readonly fingerprint: boolean;
  /** Answers carry a load report when asked for one. */
  readonly loadReports: boolean;
}

const EARLY = {
  zeroCached: "left-out",
  model: "as-asked",
  idDigits: 32,
  fingerprint: false,
  loadReports: false,
} as const;
const NOW = {
  keys: "now",
  zeroCached: "told",
  model: "as-served",
  fingerprint: true,
  loadReports: true,
} as const;

export const ANSWERS: ByVersion<AnswersProfile> = {
  "0.7": { ...EARLY, keys: "0.7" },
  "0.10": { ...EARLY, keys: "0.10" },
  "0.28": { ...NOW, idDigits: 32 },
  "0.32": { ...NOW, idDigits: 16 },
};
