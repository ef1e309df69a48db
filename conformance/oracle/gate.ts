/** The imbalance gate: above it, a router leaves the owner for a less loaded pod. Loads are taken before the new request. */
import type { RouterProfile } from "../router-profile.ts";
import type { PodLoad } from "./pod-load.ts";
import type { Range } from "./range.ts";

type Gate = NonNullable<RouterProfile["gate"]>;

export type GateState = "closed" | "open" | "unknown";

/**
 * State of the gate for a request owned by `owners`. Over `min` the whole fleet counts; over `mean` each owner's own load.
 */
export function gateState(
  gate: RouterProfile["gate"],
  loads: ReadonlyMap<string, PodLoad> | undefined,
  pods: readonly string[],
  owners: readonly string[],
): GateState {
  if (gate === null) return "closed";
  const counts = pods.map((pod) => loads?.get(pod)?.requests);
  if (loads === undefined || counts.includes(undefined)) return "unknown";
  const known = counts as readonly Range[];
  if (gate === undefined) return known.every(({ high }) => high === 0) ? "closed" : "unknown";
  const lows = known.map(({ low }) => low);
  const highs = known.map(({ high }) => high);
  if (gate.over === "min") {
    const opens = (max: number, min: number): boolean =>
      exceeds(max - min, gate.absolute, gate) && exceeds(max, gate.relative * min, gate);
    // Most imbalanced: highest maximum, lowest minimum; least imbalanced: the other way round.
    if (!opens(Math.max(...highs), Math.min(...lows))) return "closed";
    return opens(Math.max(...lows), Math.min(...highs)) ? "open" : "unknown";
  }
  const opens = (own: number, sum: number): boolean => {
    const mean = sum / pods.length;
    const margin = Math.min(gate.absolute, Math.max(4, 2 * Math.sqrt(mean)));
    return exceeds(own, gate.relative * mean, gate) && exceeds(own, mean + margin, gate);
  };
  const ofOwners = owners.flatMap((owner) => loads.get(owner)?.requests ?? []);
  const total = (bound: "low" | "high"): number => known.reduce((sum, range) => sum + range[bound], 0);
  const everyOpen = ofOwners.every((own) => opens(own.low, total("high") - own.high + own.low));
  const someOpen = ofOwners.some((own) => opens(own.high, total("low") - own.low + own.high));
  if (!someOpen) return "closed";
  return everyOpen ? "open" : "unknown";
}

function exceeds(value: number, bound: number, gate: Gate): boolean {
  return gate.comparison === ">=" ? value >= bound : value > bound;
}
