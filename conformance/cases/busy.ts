/** Makes one pod the busiest, inside what the imbalance gate tolerates, so that the prefix answer and the load answer differ. */
import type { Held, Lab } from "../lab.ts";
import type { Prompt } from "../corpus.ts";
import { gateState } from "../oracle/gate.ts";
import { exactly } from "../oracle/range.ts";
import type { RouterProfile } from "../router-profile.ts";
import { DEFAULT_PODS } from "../case.ts";

const WANTED = 3;
const MAX_TRIES = 40;

/** How many requests one pod can hold, the others none, with the gate surely closed; at most {@link WANTED}. */
export function maxBusy(profile: RouterProfile, podCount = DEFAULT_PODS): number {
  for (let count = WANTED; count > 0; count--) {
    const pods = Array.from({ length: podCount }, (_, index) => `pod-${index}`);
    const loads = new Map(
      pods.map((pod, index) => [pod, { requests: exactly(index === 0 ? count : 0), chars: exactly(0) }]),
    );
    if (gateState(profile.gate, loads, pods, pods.slice(0, 1)) === "closed") return count;
  }
  return 0;
}

export interface BusyOptions {
  /** A prompt that `pod` owns and that may be sent again without harm to the trial. */
  readonly ballast?: Prompt;
}

/**
 * Holds requests on `pod` until it is the busiest by the margin the gate allows. Known prompts are drawn to it by their
 * owner; where that fails, fresh ones are held everywhere and those that landed elsewhere are released.
 *
 * Whether it worked is for the judge to see in the loads.
 */
export async function makeBusy(lab: Lab, pod: string, options: BusyOptions = {}): Promise<void> {
  const { profile } = lab;
  if (profile.load === undefined || profile.load.signal === "none") return;
  const wanted = maxBusy(profile, lab.pods().length);
  const learntLate = profile.insert?.at !== "dispatch";
  const strays: Held[] = [];
  let ballast = options.ballast;
  let missed = 0;
  for (let tries = 0, held = 0; held < wanted && tries < MAX_TRIES; tries++) {
    const known = ballast !== undefined && missed < 2 ? ballast : undefined;
    const prompt = known ?? lab.corpus.namespace().prompt([]);
    const request = await lab.hold(prompt, { label: "busy" });
    if (request.step.pod !== pod) {
      strays.push(request);
      if (known !== undefined) missed++;
      continue;
    }
    if (known === undefined && ballast === undefined) {
      ballast = prompt;
      if (learntLate) {
        await request.release();
        continue;
      }
    }
    held++;
  }
  for (const stray of strays) await stray.release();
}
