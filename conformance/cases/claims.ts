/** Which claims of a profile a case stands on. A missing one makes the case unsupported, never failed. */
import { coldPolicy, type RouterProfile } from "../router-profile.ts";
import { maxBusy } from "./busy.ts";
import { ANY_MATCH, passes } from "../oracle/threshold.ts";
import { measureOf } from "../oracle/measure.ts";
import { CHARS_PER_WORD, WORDS_PER_CELL } from "../corpus.ts";

type Claim = (profile: RouterProfile) => string | undefined;

/** The first claim that is missing, in words. */
export const all =
  (...claims: readonly Claim[]): Claim =>
  (profile) => {
    for (const claim of claims) {
      const missing = claim(profile);
      if (missing !== undefined) return missing;
    }
    return undefined;
  };

export const none: Claim = () => undefined;

export const prefixAware: Claim = ({ match, threshold }) => {
  if (match === undefined) return "the profile does not claim match.unit";
  if (match.unit === "none") return "the router does not match prefixes (match.unit is none)";
  if (threshold === undefined) return "the profile does not claim threshold (null when there is none)";
  // Strictly above 1 nothing ever matches.
  if (threshold !== null && threshold.value >= 1 && threshold.comparison === ">")
    return "the threshold is never passed";
  return undefined;
};

/** There is a match so small that the rule ignores it. */
export const belowReachable: Claim = (profile) => {
  const missing = prefixAware(profile);
  if (missing !== undefined) return missing;
  const threshold = profile.threshold ?? ANY_MATCH;
  if (threshold.value < 0.1) return "the threshold is too low to stay clearly under it";
  return undefined;
};

/** A prompt that no one sent before is sent by load: chance matches of a few characters do not count. */
export const coldReachable: Claim = (profile) => {
  const measure = measureOf(profile);
  if (measure === undefined || profile.threshold === undefined) return undefined;
  const twoCells = measure.total("x".repeat(2 * WORDS_PER_CELL * CHARS_PER_WORD)).high;
  return passes(measure.chanceUnits, twoCells, profile.threshold ?? ANY_MATCH)
    ? "any two prompts match by chance at this threshold and unit"
    : undefined;
};

/** The load answer is predictable: cold requests go to the least loaded pod by a signal that a client can cause. */
export const loadDecides: Claim = (profile) => {
  const { load } = profile;
  const policy = coldPolicy(profile);
  if (policy === undefined) return "the profile does not claim cold";
  if (policy !== "least-load" && policy !== "cost-model") return `cold requests go by ${policy}, not by load`;
  if (load === undefined) return "the profile does not claim load";
  if (load.signal === "none" || load.signal === "metric")
    return `load is ${load.signal}: requests held open do not show`;
  return undefined;
};

/** Loads compare request by request; a cost model's only where one pod is far ahead. */
export const countableLoad: Claim = ({ load }) =>
  load?.signal === "cost-model" ? "a cost model's small differences cannot be predicted from outside" : undefined;

/** Cold requests go anywhere by chance: what follows an owner is told from what does not by counting. */
export const byChance = (profile: RouterProfile): boolean => {
  const policy = coldPolicy(profile);
  return policy === "random" || policy === "round-robin";
};

/** The prefix answer and the load answer can be told apart: by making the owner busy, or by counting. */
export const separable: Claim = (profile) => (byChance(profile) ? undefined : all(loadDecides, busyOwner)(profile));

/** An owner can be kept busier than the rest without opening the gate. */
export const busyOwner: Claim = (profile) => {
  if (profile.load?.signal === "none") return undefined;
  if (profile.gate === undefined) return "the profile does not claim gate (null when there is none)";
  return maxBusy(profile) === 0 ? "the gate opens at the first request of difference" : undefined;
};

export const gated: Claim = ({ gate, load }) => {
  if (gate === undefined) return "the profile does not claim gate";
  if (gate === null) return "the router has no imbalance gate";
  if (load === undefined) return "the profile does not claim load";
  return load.signal === "in-flight" || load.signal === "window"
    ? undefined
    : `the gate on ${load.signal} cannot be driven`;
};

export const claimed =
  (name: string, present: (profile: RouterProfile) => boolean): Claim =>
  (profile) =>
    present(profile) ? undefined : `the profile does not claim ${name}`;

export const ttl = claimed("evict.kind ttl", ({ evict }) => evict?.kind === "ttl");
export const slidingTtl = claimed("evict.sliding true", ({ evict }) => evict?.kind === "ttl" && evict.sliding === true);
export const allOwners = claimed("owners all", ({ owners }) => owners === "all");
