/** A router may leave a pod out that failed: when it will use it again must be known. */
import { SHORT_WINDOW_MS } from "../../oracle/load-signal.ts";
import type { RouterProfile } from "../../router-profile.ts";
import { all, type Claim, claimed, no } from "../claims.ts";

/** Until then a router may rightly leave out a pod that has failed. */
export const backMs = ({ recoveryMs = 0, discovery }: RouterProfile): number =>
  Math.max(recoveryMs, discovery?.healthMs ?? 0);

export const backSoon: Claim = (profile) =>
  backMs(profile) > SHORT_WINDOW_MS ? no("it leaves a pod that failed out for too long") : undefined;

export const comesBack = all(
  claimed("recoveryMs", ({ recoveryMs }) => recoveryMs !== undefined),
  backSoon,
);
