import { prefillMs, type LatencyProfile } from "../../../fixtures/profiles/latency-profile.ts";
import type { Holder } from "../prefix-tree/radix-node.ts";

/**
 * M of the paper: what a pod will have to compute again if it makes room for `neededTokens`, in seconds.
 *
 * Its cache is taken to be full, as in the paper. The least recently used nodes go first; each costs its prefill times
 * the share of the pod's recent requests that use it, for these will come again. (The code takes the miss rate of the
 * node for that share.)
 */
export function evictionSeconds(
  profile: LatencyProfile,
  holder: Holder,
  neededTokens: number,
  recentRequests: number,
): number {
  let seconds = 0;
  let freedTokens = 0;
  for (let claim = holder.stalest; claim !== undefined && freedTokens < neededTokens; claim = claim.fresher) {
    const { edgeTokens, contextTokens } = claim.node;
    freedTokens += edgeTokens;
    if (claim.recentUses === 0) continue;
    const prefillSeconds = prefillMs(profile, edgeTokens, contextTokens, contextTokens) / 1000;
    seconds += (Math.max(0, prefillSeconds) * claim.recentUses) / recentRequests;
  }
  return seconds;
}
