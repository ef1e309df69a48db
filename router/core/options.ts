/** The names a user may give: strategies and modes of the reference router. */

export const STRATEGIES = [
  "prefix-cache-and-load",
  "round-robin",
  "random",
  "least-request",
  "least-kv-cache",
  "power-of-two",
  "prefix-hash",
  "cache-aware",
  "oracle",
] as const;

export type StrategyName = (typeof STRATEGIES)[number];

/** How `prefix-cache-and-load` decides: the rule mended, the merged code bug for bug, or the paper. */
export const MODES = ["corrected", "aibrix-719", "preble"] as const;

export type Mode = (typeof MODES)[number];

/** Latency profile of pods that name none: AIBrix's default target. */
export const DEFAULT_GPU = "v100";

/** The load window: three minutes, in Preble ("insensitive") as in AIBrix. */
export const LOAD_WINDOW_MS = 3 * 60_000;
