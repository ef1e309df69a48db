/** Where a router was measured to do something else than its profile declares. What either leaves out contradicts nothing. */
import type { RouterProfile } from "../router-profile.ts";
import { gateFits, type Spill } from "./gate.ts";

export interface Contradiction {
  readonly field: string;
  readonly declared: unknown;
  readonly measured: unknown;
}

export function contradictions(
  declared: RouterProfile,
  measured: RouterProfile,
  spills: readonly Spill[] = [],
  podCount = 0,
): readonly Contradiction[] {
  const compare = (field: string, claim: unknown, seen: unknown): Contradiction[] =>
    claim === undefined || seen === undefined || claim === seen ? [] : [{ field, declared: claim, measured: seen }];
  const [claims, seen] = [thresholdOf(declared), thresholdOf(measured)];
  const gate = measured.gate === undefined ? spills : measured.gate;
  return [
    ...compare("match.unit", unitName(declared), unitName(measured)),
    ...compare("threshold.value", claims?.value, seen?.value),
    // A prompt cannot be told to stand exactly where a template or a remote tokenizer adds to it.
    ...(declared.exact === false ? [] : compare("threshold.comparison", claims?.comparison, seen?.comparison)),
    ...compare("threshold.ratioOf", claims?.ratioOf, seen?.ratioOf),
    ...(mayBe(policyOf(declared), policyOf(measured)) ? [] : compare("cold", policyOf(declared), policyOf(measured))),
    ...compare("load.signal", signalOf(declared), signalOf(measured)),
    ...compare("owners", ownersOf(declared, podCount), ownersOf(measured, podCount)),
    ...compare("insert.at", declared.insert?.at, measured.insert?.at),
    // A share can only be estimated; that something strayed where nothing may is sure.
    ...(declared.exploration === 0 ? compare("exploration", 0, measured.exploration) : []),
    ...ttlContradiction(declared.evict, measured.evict),
    ...(declared.gate === undefined || gateFits(declared.gate, spills, podCount)
      ? []
      : [{ field: "gate", declared: declared.gate, measured: gate }]),
  ];
}

/** In front of so few pods a larger number is all of them. */
function ownersOf({ owners }: RouterProfile, podCount: number): RouterProfile["owners"] {
  if (owners === 1) return "last";
  return typeof owners === "number" && owners >= Math.min(podCount, 3) ? "all" : owners;
}

/** Ages are tried in steps of 15 %. */
const TTL_STEP = 1.15;

function ttlContradiction(declared: RouterProfile["evict"], measured: RouterProfile["evict"]): Contradiction[] {
  if (declared?.kind !== "ttl" || measured?.kind !== "ttl") return [];
  const apart = Math.max(declared.ttlMs / measured.ttlMs, measured.ttlMs / declared.ttlMs);
  return apart <= TTL_STEP ? [] : [{ field: "evict.ttlMs", declared: declared.ttlMs, measured: measured.ttlMs }];
}

/** No threshold and a threshold of nothing are the same rule. */
function thresholdOf({ threshold }: RouterProfile): RouterProfile["threshold"] {
  return threshold === null ? { value: 0, comparison: ">" } : threshold;
}

/** Vocabularies cannot be told apart from outside. */
function unitName({ match }: RouterProfile): string | undefined {
  const unit = match?.unit;
  if (unit === undefined || typeof unit === "string") return unit;
  return "token" in unit ? "token" : `block of ${unit.block} ${unit.of}s`;
}

function policyOf({ cold }: RouterProfile): string | undefined {
  return typeof cold === "object" ? cold.policy : cold;
}

/** A cost model that counts requests behaves as least load does; one that weighs what nobody outside sees looks like chance. */
function mayBe(declared: string | undefined, measured: string | undefined): boolean {
  return declared === "cost-model" && (measured === "least-load" || measured === "random");
}

/** Both count what was sent in the last minutes; they differ in how much a long prompt weighs. */
function signalOf({ load }: RouterProfile): string | undefined {
  return load?.signal === "cost-model" ? "window" : load?.signal;
}
