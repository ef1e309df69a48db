/** Conforming routers that differ in everything a profile lets them differ in. None of them may ever fail a case. */
import type { RouterProfile } from "../../router-profile.ts";
import type { Fault } from "./fault.ts";
import { RuleRouter } from "./rule-router.ts";
import { PLAIN_RULE, type RuleOptions } from "./rule.ts";

export interface Variant {
  readonly name: string;
  readonly rule: RuleOptions;
  readonly profile: RouterProfile;
}

/** What the rule's pods report of themselves, where it goes by that. */
export const REPORTED_LOAD = "vllm:num_requests_waiting";

const TTL_MS = 300_000;
const CAPACITY_CHARS = 40_000;
const TIES = { first: "fixed", random: "any", rotate: "rotate" } as const;

export const VARIANTS: readonly Variant[] = [
  variant("token", {}),
  variant("char at .3", { unitChars: 1, threshold: 0.3, ties: "first" }),
  variant("char >= at .75", { unitChars: 1, threshold: 0.75, comparison: ">=" }),
  variant("char of the cached", { unitChars: 1, ratioOf: "cached" }),
  variant("block, any match", { unitChars: 80, threshold: 0, ties: "first" }),
  variant("block at .5", { unitChars: 80 }),
  variant("window and TTL", { load: "window", evict: { ttlMs: TTL_MS, sliding: true } }),
  variant("window of characters", { unitChars: 80, load: "window-chars", windowMs: 60_000 }),
  variant("gate", { unitChars: 1, gate: { absolute: 8, relative: 1.5 } }),
  variant("no load signal", { load: "none", cold: "random" }),
  variant("in turn", { load: "none", cold: "round-robin", evict: { ttlMs: TTL_MS, sliding: true } }),
  variant("explores", { exploration: 0.01 }),
  variant("learns at response", { insertAt: "response", insertWhen: "success" }),
  variant("LRU per pod", { evict: { capacityChars: CAPACITY_CHARS, per: "pod" } }),
  variant("LRU for all", { unitChars: 1, evict: { capacityChars: CAPACITY_CHARS, per: "all" } }),
  variant("rotates ties", { ties: "rotate" }),
  variant("last owner", { owners: 1 }),
  variant("two owners", { unitChars: 1, owners: 2, ties: "first" }),
  variant("always learns", { insertWhen: "always", evict: { ttlMs: TTL_MS, sliding: true } }),
];

function variant(name: string, changes: Partial<RuleOptions>): Variant {
  const rule = { ...PLAIN_RULE, ...changes };
  return { name, rule, profile: profileOf(rule) };
}

/** Starts routers of a variant; a threshold other than its own is taken, unless the fault is that it is not. */
export function startRule({ rule }: Variant, seed: number, fault?: Fault): (threshold?: number) => RuleRouter {
  return (threshold = rule.threshold) => {
    const taken = fault === "threshold-is-fixed" ? rule.threshold : threshold;
    return new RuleRouter({ ...rule, threshold: taken }, seed, fault);
  };
}

/** What a router of this rule would truthfully declare. */
export function profileOf(rule: RuleOptions): RouterProfile {
  return {
    match: { ...unitOf(rule.unitChars), input: "prompt" },
    threshold: { value: rule.threshold, comparison: rule.comparison, ratioOf: rule.ratioOf, owners: "live" },
    owners: rule.owners === 1 ? "last" : rule.owners,
    insert: { at: rule.insertAt, when: rule.insertWhen, ...fanOutOf(rule) },
    cold: rule.cold === "least-load" ? { policy: rule.cold, ties: TIES[rule.ties] } : rule.cold,
    load: loadOf(rule),
    gate: rule.gate === null ? null : { over: "min", ...rule.gate, comparison: ">" },
    exploration: rule.exploration,
    evict: evictOf(rule),
    isolation: { model: true, cacheSalt: true, lora: true },
    discovery: { returningPodIsCold: true, models: true },
    exact: true,
  };
}

/** Who learns at dispatch and never spills sends a herd to one pod. */
function fanOutOf({ insertAt, gate, exploration }: RuleOptions): { fanOut?: number } {
  return insertAt === "dispatch" && gate === null && exploration === 0 ? { fanOut: 1 } : {};
}

function loadOf({ load, windowMs }: RuleOptions): NonNullable<RouterProfile["load"]> {
  if (load === "reported") return { signal: "metric", name: REPORTED_LOAD };
  if (load === "window" || load === "window-chars") return { signal: "window", windowMs };
  return { signal: load };
}

function unitOf(unitChars: number): Pick<NonNullable<RouterProfile["match"]>, "unit" | "partialBlock"> {
  if (unitChars === 1) return { unit: "char" };
  if (unitChars === 5) return { unit: { token: "cl100k_base" } };
  return { unit: { block: unitChars, of: "char" }, partialBlock: "dropped" };
}

function evictOf({ evict, unitChars }: RuleOptions): NonNullable<RouterProfile["evict"]> | null {
  if (evict === null) return null;
  if ("ttlMs" in evict) return { kind: "ttl", ttlMs: evict.ttlMs, sweepMs: 0, sliding: evict.sliding };
  return { kind: "capacity", units: Math.floor(evict.capacityChars / unitChars), per: evict.per, order: "lru" };
}
