/** Routers broken on purpose, and for each the case that must catch it, with the reason it must give. */
import type { Fault } from "./fault.ts";

export interface Mutant {
  readonly id: string;
  readonly fault: Fault;
  /** Name of the conforming variant that is broken. */
  readonly variant: string;
  readonly caseId: string;
  readonly reason: string;
}

const mutant = (id: string, fault: Fault, variant: string, caseId: string, reason: string): Mutant => ({
  id,
  fault,
  variant,
  caseId,
  reason,
});

export const MUTANTS: readonly Mutant[] = [
  mutant("M01", "ignores-the-threshold", "token", "THR-01", "followed-the-owner-below-threshold"),
  mutant("M02", "always-by-load", "token", "THR-02", "routed-by-load-above-threshold"),
  mutant("M03", "comparison-flipped", "token", "THR-04", "followed-the-owner-below-threshold"),
  mutant("M04a", "threshold-too-low", "token", "THR-03", "followed-the-owner-below-threshold"),
  mutant("M04b", "threshold-too-high", "char at .3", "THR-03", "routed-by-load-above-threshold"),
  mutant("M04c", "threshold-is-fixed", "token", "THR-08", "threshold-not-taken"),
  mutant("M05", "ratio-of-the-cached-prompt", "token", "THR-05", "routed-by-load-above-threshold"),
  mutant("M06", "absolute-threshold", "token", "THR-06", "routed-by-load-above-threshold"),
  mutant("M07", "shortest-match", "token", "LPM-01", "followed-a-shorter-match"),
  mutant("M07b", "any-owner-above", "token", "LPM-01", "followed-a-shorter-match"),
  mutant("M07c", "any-owner-above", "char >= at .75", "LPM-01", "followed-a-shorter-match"),
  mutant("M07d", "any-owner-above", "char at .3", "LPM-01", "followed-a-shorter-match"),
  mutant("M08", "most-recent-owner", "token", "LPM-05", "followed-a-shorter-match"),
  mutant("M09", "bag-of-blocks", "token", "LPM-04", "matched-text-that-is-no-prefix"),
  mutant("M10", "suffix-match", "token", "THR-02", "routed-by-load-above-threshold"),
  mutant("M11", "whole-body-hash", "token", "LPM-06", "other-fields-change-the-match"),
  mutant("M12", "first-cell-sticky", "token", "THR-01", "followed-the-owner-below-threshold"),
  mutant("M13", "first-cell-modulo", "token", "POD-06", "forgot-on-pod-change"),
  mutant("M14a", "first-owner", "token", "LPM-07", "chose-the-busier-owner"),
  mutant("M14b", "busiest-owner", "token", "SPL-02", "chose-the-busier-owner"),
  mutant("M15", "whole-prompts-only", "token", "LPM-08", "routed-by-load-above-threshold"),
  mutant("M16", "split-loses-upper-owners", "token", "SPL-06", "split-lost-the-old-owners"),
  mutant("M17", "split-gives-tail-away", "token", "SPL-01", "branch-lost-its-owner"),
  mutant("M18", "split-drops-tail", "token", "SPL-03", "branch-lost-its-owner"),
  mutant("M19", "below-threshold-not-learnt", "token", "THR-07", "below-threshold-prompt-not-learnt"),
  mutant("M20a", "never-evicts", "window and TTL", "EVI-01", "not-forgotten-after-ttl"),
  mutant("M20b", "ttl-doubled", "always learns", "EVI-01", "not-forgotten-after-ttl"),
  mutant("M20c", "ttl-halved", "always learns", "EVI-02", "forgotten-too-early"),
  mutant("M21", "ttl-not-refreshed", "always learns", "EVI-03", "use-did-not-refresh"),
  mutant("M22", "eviction-strips-ancestors", "always learns", "EVI-04", "evicting-a-leaf-stripped-its-ancestors"),
  mutant("M23", "evicts-most-recent", "LRU per pod", "EVI-05", "evicted-out-of-order"),
  mutant("M24", "one-lru-for-all", "LRU per pod", "EVI-06", "another-pods-entries-evicted-it"),
  mutant("M25", "absent-pod-chosen", "token", "POD-03", "used-an-absent-pod"),
  mutant("M26", "added-pod-ignored", "token", "POD-01", "added-pod-never-used"),
  mutant("M27", "refresh-on-count-only", "token", "POD-04", "used-an-absent-pod"),
  mutant("M28", "flush-on-change", "token", "POD-07", "forgot-on-pod-change"),
  mutant("M29", "returning-pod-warm", "token", "POD-05", "returning-pod-taken-as-warm"),
  mutant("M30", "ratio-counts-absent-owners", "token", "POD-12", "absent-owner-counted"),
  mutant("M31", "orphans-to-first-pod", "token", "POD-11", "orphans-piled-up"),
  mutant("M32a", "cold-to-first", "token", "LOAD-02", "not-the-least-loaded"),
  mutant("M32b", "cold-to-busiest", "token", "LOAD-02", "not-the-least-loaded"),
  mutant("M32c", "cold-at-random", "token", "LOAD-02", "not-the-least-loaded"),
  mutant("M32d", "cold-round-robin", "token", "LOAD-02", "not-the-least-loaded"),
  mutant("M33", "cold-to-smallest-index", "token", "LOAD-02", "not-the-least-loaded"),
  mutant("M34", "ties-to-first", "rotates ties", "LOAD-01", "idle-pods-used-unevenly"),
  mutant("M35a", "leaks-on-finish", "token", "LOAD-03", "finished-requests-still-counted"),
  mutant("M35b", "leaks-on-error", "token", "LOAD-04", "failed-requests-still-counted"),
  mutant("M36", "leaks-on-abort", "token", "LOAD-08", "aborted-requests-still-counted"),
  mutant("M37a", "no-gate", "gate", "LOAD-05", "stayed-beyond-the-gate"),
  mutant("M37b", "gate-too-wide", "gate", "LOAD-05", "stayed-beyond-the-gate"),
  mutant("M37c", "gate-at-any-imbalance", "gate", "LOAD-06", "left-within-the-gate"),
  mutant("M38", "spill-not-learnt", "gate", "LOAD-07", "spill-not-learnt"),
  mutant("M38b", "learns-too-late", "token", "HOT-04", "herd-scattered"),
  mutant("M39", "failed-request-owns", "token", "ERR-09", "failed-request-owns-its-prefix"),
  mutant("M40a", "model-not-in-key", "token", "MOD-01", "followed-across-models"),
  mutant("M40b", "salt-not-in-key", "token", "SEC-04", "followed-across-salts"),
  mutant("M40c", "key-undelimited", "token", "MOD-05", "key-parts-run-together"),
  mutant("M41", "partial-block-counts", "block, any match", "TOK-11", "sub-block-prompts-matched"),
  mutant("M40d", "any-pod-for-any-model", "token", "MOD-02", "used-a-pod-without-the-model"),
  mutant("M40e", "model-not-in-key", "token", "MOD-03", "followed-across-adapters"),
  mutant("M41b", "blocks-rounded-up", "block, any match", "TOK-10", "units-rounded-up"),
  mutant("M41c", "blocks-rounded-up", "block at .5", "TOK-10", "units-rounded-up"),
  mutant("M41d", "folds-letter-case", "token", "TOK-12", "other-text-matched"),
  mutant("M41e", "folds-white-space", "char at .3", "TOK-12", "other-text-matched"),
  mutant("M42a", "sticky-at-80-percent", "token", "AFF-01", "routed-by-load-above-threshold"),
  mutant("M42b", "one-in-25-astray", "explores", "AFF-02", "routed-by-load-above-threshold"),
];
