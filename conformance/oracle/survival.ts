/** Does the index still hold what a placement taught it? Answered for the two worst cases: surely, and possibly. */
import type { RouterProfile } from "../router-profile.ts";
import type { History, Placement } from "./history.ts";
import type { Measure } from "./measure.ts";

/**
 * A prefix-aware router that does not say when it forgets is taken to remember this long and this many requests. Beyond
 * that, nothing is asserted.
 */
const UNSTATED_MEMORY_MS = 10_000;
const UNSTATED_MEMORY_REQUESTS = 1_000;
const UNSTATED_SWEEP_MS = 60_000;
/** The router's clock and ours are read at different moments. */
export const CLOCK_SLACK_MS = 250;

export interface Survival {
  readonly surely: boolean;
  /** Units of the match that may still be there; 0 when it is surely gone. */
  readonly possibleUnits: number;
}

/** `sharedWithRequest` is the upper bound of what the placement and the request have in common. */
export function survival(
  placement: Placement,
  sharedWithRequest: number,
  history: History,
  sharedOf: (other: Placement) => number,
  nowMs: number,
  profile: RouterProfile,
  measure: Measure,
): Survival {
  const evict = profile.evict;
  if (evict === null) return { surely: true, possibleUnits: sharedWithRequest };
  const later = history.placements.filter((other) => other !== placement && other.startMs >= placement.startMs);
  if (evict === undefined) {
    const surely = nowMs - placement.startMs < UNSTATED_MEMORY_MS && later.length < UNSTATED_MEMORY_REQUESTS;
    return { surely, possibleUnits: sharedWithRequest };
  }
  switch (evict.kind) {
    case "kv-events":
      return { surely: false, possibleUnits: sharedWithRequest };
    case "ttl": {
      const goneMs = evict.ttlMs + (evict.sweepMs ?? UNSTATED_SWEEP_MS) + CLOCK_SLACK_MS;
      const young = (other: Placement): boolean => nowMs - other.startMs < evict.ttlMs - CLOCK_SLACK_MS;
      const maybeYoung = (other: Placement): boolean => nowMs - (other.endMs ?? nowMs) < goneMs;
      // Without sliding, a node keeps the age of the first request that made it.
      const elder = history.placements.some(
        (other) =>
          other.startMs <= placement.startMs &&
          !young(other) &&
          sharedOf(other) > 0 &&
          placement.startMs - other.startMs < goneMs,
      );
      const surely = young(placement) && (evict.sliding === true || !elder);
      if (maybeYoung(placement)) return { surely, possibleUnits: sharedWithRequest };
      if (evict.sliding === false) return { surely, possibleUnits: 0 };
      const refreshed = unbroken(placement, later, sharedOf, goneMs).filter(maybeYoung);
      const units = refreshed.map((other) => Math.min(sharedWithRequest, sharedOf(other)));
      return { surely, possibleUnits: Math.max(0, ...units) };
    }
    case "capacity": {
      const capacityUnits = evict.units * measure.blockUnits;
      const units = (other: Placement): number => measure.total(other.step.prompt.text).high;
      const counted = (other: Placement): boolean => evict.per === "all" || other.pod === placement.pod;
      const sum = (list: readonly Placement[]): number => list.reduce((total, other) => total + units(other), 0);
      // Where prompts are learnt at the answer, what was asked before it may be learnt after it.
      const maybeLater = (other: Placement): boolean =>
        profile.insert?.at === "dispatch"
          ? other.startMs >= placement.startMs
          : (other.endMs ?? nowMs) >= placement.startMs;
      const learntLater = history.placements.filter((other) => other !== placement && maybeLater(other));
      const surely = sum([placement, ...learntLater.filter(counted)]) <= capacityUnits;
      // New text since its last touch, at least: what no earlier prompt had. Once that alone fills the index, it is out.
      const touched = later.filter((other) => sharedOf(other) > measure.chanceUnits).at(-1) ?? placement;
      const since = later.filter((other) => other.startMs > touched.startMs && counted(other));
      const fresh = since.filter((other) => sharedOf(other) <= measure.chanceUnits);
      const distinct = [...new Map(fresh.map((other) => [other.step.prompt.text, other])).values()];
      const newUnits = distinct.reduce(
        (total, other) => total + measure.total(other.step.prompt.text).low - overlap(other, distinct, measure),
        0,
      );
      return { surely, possibleUnits: newUnits >= capacityUnits ? 0 : sharedWithRequest };
    }
  }
}

/** Later uses of the prefix, up to the first gap that it cannot have lived through. */
function unbroken(
  placement: Placement,
  later: readonly Placement[],
  sharedOf: (other: Placement) => number,
  goneMs: number,
): readonly Placement[] {
  let aliveMs = placement.endMs ?? placement.startMs;
  const uses: Placement[] = [];
  for (const use of later.filter((other) => sharedOf(other) > 0)) {
    if (use.startMs - aliveMs > goneMs) break;
    aliveMs = Math.max(aliveMs, use.endMs ?? use.startMs);
    uses.push(use);
  }
  return uses;
}

/** Units of this prompt that an earlier one in the list brought already. */
function overlap(placement: Placement, list: readonly Placement[], measure: Measure): number {
  const earlier = list.slice(0, list.indexOf(placement));
  return Math.max(
    0,
    ...earlier.map((other) => measure.shared(placement.step.prompt.text, other.step.prompt.text).high),
  );
}
