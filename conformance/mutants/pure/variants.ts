/** Conforming routers that differ in everything a profile lets them differ in. None of them may ever fail a case. */
import type { RouterProfile } from "../../router-profile.ts";
import { PLAIN_RULE, type RuleOptions } from "./rule-router.ts";

export interface Variant {
  readonly name: string;
  readonly rule: RuleOptions;
  readonly profile: RouterProfile;
}

const TTL_MS = 300_000;
const CAPACITY_CHARS = 40_000;
const TIES = { first: "fixed", random: "any", rotate: "rotate" } as const;

export const VARIANTS: readonly Variant[] = [
  variant("token", {}),
  variant("char at .3", { unitChars: 1, threshold: 0.3, ties: "first" }),
  variant("char >= at .75", { unitChars: 1, threshold: 0.75, comparison: ">=" }),
  variant("block, any match", { unitChars: 80, threshold: 0, ties: "first" }),
  variant("window and TTL", { load: "window", evict: { ttlMs: TTL_MS, sliding: true } }),
  variant("gate", { unitChars: 1, gate: { absolute: 8, relative: 1.5 } }),
  variant("no load signal", { load: "none", cold: "random" }),
  variant("in turn", { load: "none", cold: "round-robin", evict: { ttlMs: TTL_MS, sliding: true } }),
  variant("explores", { exploration: 0.01 }),
  variant("learns at response", { insertAt: "response", insertWhen: "success" }),
  variant("LRU per pod", { evict: { capacityChars: CAPACITY_CHARS, per: "pod" } }),
  variant("LRU for all", { unitChars: 1, evict: { capacityChars: CAPACITY_CHARS, per: "all" } }),
  variant("rotates ties", { ties: "rotate" }),
  variant("always learns", { insertWhen: "always", evict: { ttlMs: TTL_MS, sliding: true } }),
];

function variant(name: string, changes: Partial<RuleOptions>): Variant {
  const rule = { ...PLAIN_RULE, ...changes };
  return { name, rule, profile: profileOf(rule) };
}

/** What a router of this rule would truthfully declare. */
export function profileOf(rule: RuleOptions): RouterProfile {
  return {
    match: { ...unitOf(rule.unitChars), input: "prompt" },
    threshold: { value: rule.threshold, comparison: rule.comparison, ratioOf: "request", owners: "live" },
    owners: "all",
    insert: { at: rule.insertAt, when: rule.insertWhen },
    cold: rule.cold === "least-load" ? { policy: rule.cold, ties: TIES[rule.ties] } : rule.cold,
    load: { signal: rule.load, ...(rule.load === "window" ? { windowMs: rule.windowMs } : {}) },
    gate: rule.gate === null ? null : { over: "min", ...rule.gate, comparison: ">" },
    exploration: rule.exploration,
    evict: evictOf(rule),
    isolation: { model: true, cacheSalt: true },
    discovery: { returningPodIsCold: true },
    exact: true,
  };
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
