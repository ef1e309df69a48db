/** Does a match of so many units out of so many take the prefix branch? */
import type { RouterProfile } from "../router-profile.ts";

type Threshold = NonNullable<RouterProfile["threshold"]>;

/** No threshold at all means that one shared unit is enough. */
export const ANY_MATCH: Threshold = { value: 0, comparison: ">", ratioOf: "request", owners: "live" };

/** Ratios are compared as a router would in doubles: products this close are equal. */
const EQUAL_UNITS = 1e-6;

export function passes(sharedUnits: number, totalUnits: number, threshold: Threshold): boolean {
  if (sharedUnits <= 0 || totalUnits <= 0) return false;
  const surplus = sharedUnits - threshold.value * totalUnits;
  if (Math.abs(surplus) < EQUAL_UNITS) return threshold.comparison === ">=";
  return surplus > 0;
}
