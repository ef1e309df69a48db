/** Which claims of a profile a case stands on. A missing one makes the case unsupported, never failed. */
import type { Unsupported } from "../case.ts";
import { loadSignal } from "../oracle/load-signal.ts";
import { byChance, coldPolicy, RouterProfileSchema, type RouterProfile } from "../router-profile.ts";
import { maxBusy } from "./trials/lead.ts";
import { ratioIsOfRequest } from "./trials/shape.ts";
import { ANY_MATCH, passes } from "../oracle/threshold.ts";
import { measureOf } from "../oracle/measure.ts";
import { CHARS_PER_WORD, WORDS_PER_CELL } from "../corpus/corpus.ts";

export type Claim = (profile: RouterProfile) => Unsupported | undefined;

/** The profile is silent: the claim would unlock the case. */
export const silent = (claim: string, hint = ""): Unsupported => ({
  claim,
  why: `the profile does not claim ${claim}${hint}`,
});

const silentGate = (): Unsupported => silent("gate", " (null when there is none)");

/** The profile speaks, and says otherwise. */
export const no = (why: string): Unsupported => ({ why });

/** The first claim that is missing. */
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

/** It matches prefixes, whoever told it of them. */
export const matchesPrefixes: Claim = (profile) => {
  const { match, threshold, gate, load } = profile;
  if (match === undefined) return silent("match.unit");
  if (match.unit === "none") return no("the router does not match prefixes (match.unit is none)");
  if (threshold === undefined) return silent("threshold", " (null when there is none)");
  // Strictly above 1 nothing ever matches.
  if (threshold !== null && threshold.value >= 1 && threshold.comparison === ">")
    return no("the threshold is never passed");
  if (gate === undefined || gate === null) return undefined;
  if (load === undefined) return silent("load");
  return isUnseen(profile) ? no(`the gate goes by ${load.signal}: nobody outside knows when it opens`) : undefined;
};

/** What it learns of a request it learns by passing it on, at a moment that its profile names. */
export const prefixAware: Claim = all(matchesPrefixes, ({ insert }) =>
  insert?.at === "kv-event" ? no("it learns from KV events alone: EVI-10 judges that") : undefined,
);

/** There is a match so small that the rule ignores it. */
export const belowReachable: Claim = (profile) => {
  const missing = prefixAware(profile);
  if (missing !== undefined) return missing;
  const threshold = profile.threshold ?? ANY_MATCH;
  if (threshold.value < 0.1) return no("the threshold is too low to stay clearly under it");
  return undefined;
};

/** A prompt that no one sent before is sent by load: chance matches of a few characters do not count. */
export const coldReachable: Claim = (profile) => {
  const measure = measureOf(profile);
  if (measure === undefined || profile.threshold === undefined) return undefined;
  const twoCells = measure.total("x".repeat(2 * WORDS_PER_CELL * CHARS_PER_WORD)).high;
  return passes(measure.chanceUnits, twoCells, profile.threshold ?? ANY_MATCH)
    ? no("any two prompts match by chance at this threshold and unit")
    : undefined;
};

/** The load answer is predictable: cold requests go to the least loaded pod by a signal that clients or pods can cause. */
export const loadDecides: Claim = (profile) => {
  const { load } = profile;
  const policy = coldPolicy(profile);
  if (policy === undefined) return silent("cold");
  if (policy !== "least-load" && policy !== "cost-model") return no(`cold requests go by ${policy}, not by load`);
  if (load === undefined) return silent("load");
  if (load.signal === "metric" && load.refreshMs === undefined) return silent("load.refreshMs");
  return loadSignal(profile)?.shows === "reports" ? undefined : heldOnesSpread(profile);
};

/** Requests held open move cold ones to other pods; where they do not show, all may legally go to one pod. */
export const heldOnesSpread: Claim = (profile) => {
  const policy = coldPolicy(profile);
  if (policy !== "least-load" && policy !== "cost-model") return undefined;
  return isUnseen(profile) ? no(`load is ${profile.load?.signal}: requests held open do not show`) : undefined;
};

/** Cold requests are known to get round to every pod: by chance, in turn, or by a load in which those that are open show. */
export const surelySpread = (profile: RouterProfile): boolean =>
  byChance(profile) || (coldPolicy(profile) !== undefined && loadSignal(profile)?.shows === "requests");

/** Loads compare request by request; a cost model's, and those that pods report, only where one pod is far ahead. */
export const countableLoad: Claim = (profile) =>
  loadSignal(profile)?.countable === false
    ? no(`small differences of a ${profile.load?.signal} cannot be predicted from outside`)
    : undefined;

/** The router goes by no load, or by one in which a client's requests do not show. */
function isUnseen(profile: RouterProfile): boolean {
  const signal = loadSignal(profile);
  return signal !== undefined && signal.shows !== "requests";
}

/** Nobody outside can tell where a cold request must go: each pod is possible, none certain. */
export const unpredictable = (profile: RouterProfile): boolean => {
  const policy = coldPolicy(profile);
  const unseen = policy === "expected-wait" || policy === "smallest-tree";
  // A cost model whose load is not claimed may count what no client sees.
  return byChance(profile) || unseen || (policy === "cost-model" && profile.load === undefined);
};

/** Following the owner can be told from not following it; where the cold go need not be known. */
export const followed: Claim = (profile) => (unpredictable(profile) ? busyOwner : separable)(profile);

/** The prefix answer and the load answer can be told apart: by making the owner busy, or by counting. */
export const separable: Claim = (profile) => (byChance(profile) ? undefined : all(loadDecides, busyOwner)(profile));

/** An owner can be kept busier than the rest without opening the gate. */
export const busyOwner: Claim = (profile) => {
  if (profile.load?.signal === "none") return undefined;
  if (profile.gate === undefined) return silentGate();
  return maxBusy(profile) === 0 ? no("the gate opens at the first request of difference") : undefined;
};

/** Whether a gate may open is known. On an idle fleet it could not, but ends that go unnoticed keep it from being known as idle. */
export const gateTold: Claim = ({ gate }) => (gate === undefined ? silentGate() : undefined);

export const gated: Claim = (profile) => {
  const { gate, load } = profile;
  if (gate === undefined) return silentGate();
  if (gate === null) return no("the router has no imbalance gate");
  if (load === undefined) return silent("load");
  return loadSignal(profile)?.countable === true ? undefined : no(`the gate on ${load.signal} cannot be driven`);
};

/** `claim` begins with a path into the profile; what the profile says otherwise there is no claim left out. */
export const claimed =
  (claim: string, holds: (profile: RouterProfile) => boolean): Claim =>
  (profile) => {
    if (holds(profile)) return undefined;
    const missing = silent(claim);
    return isSilent(claim, profile) ? missing : no(missing.why);
  };

/** What is under way is load, and nothing else. */
export const countsInFlight: Claim = claimed("load.signal in-flight", ({ load }) => load?.signal === "in-flight");

/** A prompt can be made to meet the threshold to the unit. */
export const exactLengths: Claim = all(
  claimed("exact true", ({ exact }) => exact === true),
  ({ match }) =>
    match?.input === "template" || match?.input === "json"
      ? no(`match.input is ${match.input}: nobody outside knows how much it adds`)
      : undefined,
);

function isSilent(claim: string, profile: RouterProfile): boolean {
  const keys = claim.split(" ")[0]?.split(".") ?? [];
  // A case may also want something in words, as "a cold policy by chance": no key that a profile could hold.
  if (!((keys[0] ?? "") in RouterProfileSchema.properties)) return false;
  let value: unknown = profile;
  for (const key of keys) {
    if (typeof value !== "object" || value === null) return false;
    value = (value as Readonly<Record<string, unknown>>)[key];
    if (value === undefined) return true;
  }
  return false;
}

export const ttl = claimed("evict.kind ttl", ({ evict }) => evict?.kind === "ttl");
export const slidingTtl = claimed("evict.sliding true", ({ evict }) => evict?.kind === "ttl" && evict.sliding === true);
export const allOwners = claimed("owners all", ({ owners }) => owners === "all");

/** Without the claim a router is one for a fleet whose pods all serve the same. */
export const learnsModels = claimed("discovery.models true", ({ discovery }) => discovery?.models === true);

export const ofRequest = claimed("threshold.ratioOf request", ratioIsOfRequest);

export const retryClaimed: Claim = ({ retry }) => (retry === undefined ? silent("retry") : undefined);
