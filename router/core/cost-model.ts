/**
 * What a request costs a pod, in seconds of its own GPU.
 *
 * Preble's cost is L + M + P: the work a pod has, what it must evict, the prefill of the new request. L and P are here;
 * M stands in `preble/`. A request's own decode is the same length on every pod, but not the same time.
 */
import {
  attentionMs,
  linearMs,
  loadProfile,
  prefillMs,
  type LatencyProfile,
} from "../../fixtures/profiles/latency-profile.ts";

/** Output length where nobody knows: Preble's default, hard-coded in AIBrix #719 as well. */
export const DECODE_TOKENS = 45;

/** Curves as published: negative between 361 and 383 tokens. */
const AS_PUBLISHED = new Set(["a6000-preble", "v100-aibrix"]);

/** What prices a pod on this card. No pod is ever paid for a request: the card's monotone curve stands in where one is. */
export function pricingProfile(gpu: string): LatencyProfile {
  const profile = loadProfile(gpu);
  return AS_PUBLISHED.has(profile.name) ? loadProfile(profile.gpu) : profile;
}

/**
 * Prefill of a prompt whose first `matchedTokens` are cached. At least one token is always computed: vLLM takes at most
 * prompt - 1 tokens from its cache, to have logits to sample from.
 */
export function prefillSeconds(profile: LatencyProfile, totalTokens: number, matchedTokens: number): number {
  const missedTokens = Math.max(1, totalTokens - matchedTokens);
  const contextTokens = Math.max(1, totalTokens);
  return prefillMs(profile, missedTokens, contextTokens, contextTokens) / 1000;
}

/**
 * {@link DECODE_TOKENS} steps of one sequence alone. `max_tokens` is a limit and no estimate: most requests end long
 * before it. Steps shared with others are charged in full, as in the paper: a busy pod looks busy.
 */
export function decodeSeconds(profile: LatencyProfile, contextTokens: number): number {
  const attention = attentionMs(profile, { requests: 1, contextTokens, uniqueKvTokens: contextTokens });
  return (DECODE_TOKENS * (linearMs(profile, 1) + attention)) / profile.efficiencyRatio / 1000;
}
