/**
 * Which pods may a router with this profile send this request to, given what was observed so far?
 *
 * Naive on purpose: it scans all past prompts. It follows what the router did, not what it should have done, so that a
 * legal surprise never cascades. Whatever the profile leaves out makes the answer larger.
 */
import type { Observation, SentStep } from "../observation.ts";
import { byChance, coldPolicy, type RouterProfile } from "../router-profile.ts";
import { type GateState, gateState } from "./gate.ts";
import { type History, historyBefore } from "./history.ts";
import { loadSignal } from "./load-signal.ts";
import { type Measure, measureOf } from "./measure.ts";
import { type Ownership, ownership } from "./ownership.ts";
import { leastLoaded, type PodLoad } from "./pod-load.ts";
import { exactly, type Range } from "./range.ts";
import { ANY_MATCH, passes } from "./threshold.ts";

/**
 * The branch the rule prescribes: `owner` follows the longest match, `load` ignores it, `gate` leaves the owner because
 * of imbalance, `either` when the history or the profile does not settle it.
 */
export type Zone = "owner" | "load" | "gate" | "either";

export interface Expectation {
  readonly zone: Zone;
  readonly allowed: readonly string[];
  readonly livePods: readonly string[];
  /** Live pods a prompt without any match could go to. */
  readonly cold: readonly string[];
  /** Live pods that may own the longest match. */
  readonly owners: readonly string[];
  readonly matched: ReadonlyMap<string, Range>;
  readonly totalUnits: Range;
  readonly loads: ReadonlyMap<string, PodLoad> | undefined;
  readonly gate: GateState;
}

export function allowed(observation: Observation, request: SentStep, profile: RouterProfile): Expectation {
  const history = historyBefore(observation, request);
  const { livePods } = history;
  const loads = loadSignal(profile)?.loads(history, request.startMs, request.prompt.text);
  const byLoad = coldPods(livePods, loads, profile);
  const measure = measureOf(profile);
  if (measure === undefined) {
    const pods = profile.match === undefined ? livePods : byLoad;
    return {
      zone: pods.length < livePods.length ? "load" : "either",
      allowed: pods,
      livePods,
      cold: byLoad,
      owners: [],
      matched: new Map(),
      totalUnits: exactly(0),
      loads,
      gate: "closed",
    };
  }
  const owned = ownership(history, request, profile, measure);
  const { matched } = owned;
  const totalUnits = measure.total(request.prompt.text);
  const match = longestMatch(history, request, owned, totalUnits, measure, profile);
  const gate = match.possible ? gateState(profile.gate, loads, livePods, match.owners) : "closed";
  const byOwner = pickedOwners(match.owners, matched, loads, profile);
  const byGate = spillPods(livePods, match.owners, loads, profile);
  const facts = { livePods, cold: byLoad, owners: match.owners, matched, totalUnits, loads, gate };
  if (!match.possible) return { zone: "load", allowed: byLoad, ...facts };
  if (match.certain && gate === "closed") return { zone: "owner", allowed: byOwner, ...facts };
  if (match.certain && gate === "open") return { zone: "gate", allowed: byGate, ...facts };
  const union = new Set([
    ...byOwner,
    ...(match.certain ? [] : byLoad),
    ...(gate === "closed" ? [] : byGate),
    ...(match.anyPod ? livePods : []),
  ]);
  return { zone: "either", allowed: livePods.filter((pod) => union.has(pod)), ...facts };
}

interface LongestMatch {
  /** The threshold is passed in every reading of the history; in some reading. */
  readonly certain: boolean;
  readonly possible: boolean;
  readonly owners: readonly string[];
  /** Chance matches or absent owners may have sent it anywhere. */
  readonly anyPod: boolean;
}

function longestMatch(
  { livePods, placements }: History,
  request: SentStep,
  { matched, somewhere: units }: Ownership,
  totalUnits: Range,
  measure: Measure,
  profile: RouterProfile,
): LongestMatch {
  const threshold = profile.threshold === null ? ANY_MATCH : profile.threshold;
  const live = livePods.map((pod) => ({ pod, ...(matched.get(pod) ?? exactly(0)) }));
  const sureUnits = Math.max(0, ...live.map(({ low }) => low));
  const possibleUnits = Math.max(measure.chanceUnits, ...live.map(({ high }) => high));
  const absentUnits = Math.max(0, ...[...matched].map(([pod, { high }]) => (livePods.includes(pod) ? 0 : high)));
  const owners = live.filter(({ high }) => high > 0 && high >= sureUnits).map(({ pod }) => pod);
  if (threshold === undefined) return { certain: false, possible: true, owners, anyPod: true };

  const tolerance = measure.tolerance(totalUnits.high);
  const totals = ratioBases(threshold.ratioOf, placements, request, totalUnits, sureUnits, measure);
  const everywhere = (units: number): boolean =>
    passes(units - tolerance, totals.high, threshold) && passes(units - tolerance, totals.low, threshold);
  const somewhere = (units: number): boolean => passes(units + tolerance, totals.low, threshold);
  const absentCounts = threshold.owners !== "live" && absentUnits > sureUnits;
  return {
    certain: everywhere(Math.max(sureUnits, units)) && !absentCounts,
    possible: somewhere(possibleUnits) || (absentCounts && somewhere(absentUnits)),
    owners,
    anyPod:
      somewhere(measure.chanceUnits) && sureUnits <= measure.chanceUnits
        ? true
        : absentCounts && somewhere(absentUnits),
  };
}

/** What the match is divided by: the request's length, or that of a known prompt which may be its longest match. */
function ratioBases(
  ratioOf: "request" | "cached" | undefined,
  placements: History["placements"],
  request: SentStep,
  total: Range,
  sureUnits: number,
  measure: Measure,
): Range {
  if (ratioOf === "request") return total;
  const cached = placements
    .map((placement) => placement.step.prompt.text)
    .filter((text) => {
      const { high } = measure.shared(request.prompt.text, text);
      return high > measure.chanceUnits && high >= sureUnits;
    })
    .map((text) => measure.total(text));
  if (cached.length === 0) return total;
  const candidates = ratioOf === "cached" ? cached : [...cached, total];
  return {
    low: Math.min(...candidates.map(({ low }) => low)),
    high: Math.max(...candidates.map(({ high }) => high)),
  };
}

/** Owners of the longest match; with every owner known and load claimed, the least loaded of them. */
function pickedOwners(
  owners: readonly string[],
  matched: ReadonlyMap<string, Range>,
  loads: ReadonlyMap<string, PodLoad> | undefined,
  profile: RouterProfile,
): readonly string[] {
  if (profile.owners !== "all" || loads === undefined) return owners;
  const longest = Math.max(0, ...owners.map((pod) => matched.get(pod)?.high ?? 0));
  // Only a pod that surely shares the longest match can displace another by its load.
  const sure = owners.filter((pod) => (matched.get(pod)?.low ?? 0) >= longest);
  return owners.filter((pod) => leastLoaded([...new Set([pod, ...sure])], loads).includes(pod));
}

/** Pods a prompt without a match may go to. */
function coldPods(
  pods: readonly string[],
  loads: ReadonlyMap<string, PodLoad> | undefined,
  profile: RouterProfile,
): readonly string[] {
  const policy = coldPolicy(profile);
  const usesLoad = policy === "least-load" || policy === "cost-model";
  return usesLoad && loads !== undefined ? leastLoaded(pods, loads) : pods;
}

/** Pods a request may go to when the gate sends it away from its owners. */
function spillPods(
  pods: readonly string[],
  owners: readonly string[],
  loads: ReadonlyMap<string, PodLoad> | undefined,
  profile: RouterProfile,
): readonly string[] {
  if (loads === undefined || profile.gate === null || profile.gate === undefined) return pods;
  // Spilt prompts go the way of cold ones by some, to the least loaded pod by others.
  if (byChance(profile)) return pods;
  if (profile.gate.over === "min") return leastLoaded(pods, loads);
  const others = pods.filter((pod) => !owners.includes(pod));
  return others.length > 0 ? others : pods;
}
