/** By how many requests one pod may lead the others before the imbalance gate opens. */
import { DEFAULT_PODS } from "../../case.ts";
import { gateState, type GateState } from "../../oracle/gate.ts";
import type { PodLoad } from "../../oracle/pod-load.ts";
import { exactly } from "../../oracle/range.ts";
import type { RouterProfile } from "../../router-profile.ts";

/** Requests by which the pod should lead the others, where the gate allows. */
const WANTED_LEAD = 3;

/** How many requests one pod can hold, the others none, with the gate surely closed; at most `most`. */
export function maxBusy(profile: RouterProfile, podCount = DEFAULT_PODS, most = WANTED_LEAD): number {
  for (let count = most; count > 0; count--) if (gateAt(profile.gate, podCount, count) === "closed") return count;
  return 0;
}

/** The gate for a prompt of one pod that holds so many requests more than all the others, `everywhere` each. */
export function gateAt(gate: RouterProfile["gate"], podCount: number, lead: number, everywhere = 0): GateState {
  const pods = Array.from({ length: podCount }, (_, index) => `pod-${index}`);
  const loads = new Map<string, PodLoad>(
    pods.map((pod, index) => [pod, { requests: exactly(everywhere + (index === 0 ? lead : 0)), chars: exactly(0) }]),
  );
  return gateState(gate, loads, pods, pods.slice(0, 1));
}
