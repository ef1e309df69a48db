/** How much of a prompt each pod owns, by the history: at least, and at most. */
import type { SentStep } from "../observation.ts";
import type { RouterProfile } from "../router-profile.ts";
import { type History, type Placement, quietBefore } from "./history.ts";
import { mayBeUnnoticed } from "./late-notice.ts";
import type { Measure } from "./measure.ts";
import { survival } from "./survival.ts";
import type { Range } from "./range.ts";

interface Claim {
  readonly placement: Placement;
  /** Units in common with the request that the pod surely, and possibly, owns by this placement. */
  readonly sure: number;
  readonly possible: number;
}

export interface Ownership {
  /** Matched units per pod, absent pods included. A pod that shares nothing is not listed. */
  readonly matched: ReadonlyMap<string, Range>;
  /** Units that one of the present pods surely owns, whichever of them it is. */
  readonly somewhere: number;
}

export function ownership(history: History, request: SentStep, profile: RouterProfile, measure: Measure): Ownership {
  const shared = new Map(
    history.placements.map((placement) => [placement, measure.shared(request.prompt.text, placement.step.prompt.text)]),
  );
  const sharedOf = (placement: Placement): number => shared.get(placement)?.high ?? 0;
  const claims = history.placements.flatMap((placement): Claim[] => {
    const { low, high } = shared.get(placement) ?? { low: 0, high: 0 };
    // What two unrelated prompts may share is no claim: it would be every pod's.
    if (high <= measure.chanceUnits) return [];
    const learnt = leastCertain(
      inserted(placement, request, history, profile),
      sameKey(placement, request, profile),
      afterReturn(placement, history, profile),
      afterError(placement, history, sharedOf),
    );
    if (learnt === "no") return [];
    const kept = survival(placement, high, history, sharedOf, request.startMs, profile, measure);
    return [{ placement, sure: learnt === "yes" && kept.surely ? low : 0, possible: kept.possibleUnits }];
  });
  const owned = new Map<string, Range>();
  let somewhere = 0;
  const isThere = ({ placement: { pod } }: Claim): boolean => history.livePods.includes(pod);
  for (const claim of claims) {
    const rivals = rivalsOf(claim, claims, history);
    const keeps = keepsAgainst(rivals, claim, profile.owners);
    // Whoever took it over is there and has it.
    const handedOn = rivals.every((rival) => isThere(rival) && rival.sure >= claim.sure);
    if (isThere(claim) && handedOn) somewhere = Math.max(somewhere, claim.sure);
    const { low, high } = owned.get(claim.placement.pod) ?? { low: 0, high: 0 };
    owned.set(claim.placement.pod, {
      low: Math.max(low, keeps === "yes" ? claim.sure : 0),
      high: Math.max(high, keeps === "no" ? 0 : claim.possible),
    });
  }
  return { matched: owned, somewhere };
}

type Certainty = "yes" | "maybe" | "no";

function leastCertain(...answers: readonly Certainty[]): Certainty {
  if (answers.includes("no")) return "no";
  return answers.includes("maybe") ? "maybe" : "yes";
}

/** Was this placement entered into the index before the request was routed? */
function inserted(placement: Placement, request: SentStep, history: History, profile: RouterProfile): Certainty {
  const { at, when } = profile.insert ?? {};
  if (at === "kv-event") return "maybe";
  const before = placement.endMs !== undefined && placement.endMs <= request.startMs;
  const noticed = before && isNoticed(placement, history, request.startMs);
  const dispatched = placement.step.held || before;
  const inTime: Certainty = (at === "dispatch" ? dispatched : noticed) ? "yes" : "maybe";
  switch (placement.outcome) {
    case "ok":
      return inTime;
    case "open":
      return when === "always" || at === "dispatch" ? inTime : "maybe";
    case "aborted":
      return when === "always" && at === "dispatch" ? inTime : "maybe";
    case "error":
      // What was entered at dispatch is taken back when the failure is noticed.
      if (when === "success") return at === "dispatch" && !noticed ? "maybe" : "no";
      return when === "always" && at === "dispatch" && placement.served ? inTime : "maybe";
  }
}

/** A function router is told of each end at once. */
function isNoticed({ endMs = Infinity }: Placement, history: History, nowMs: number): boolean {
  if (history.observation.transport === "function" || endMs <= quietBefore(history, nowMs)) return true;
  return !mayBeUnnoticed(endMs, nowMs);
}

function sameKey(placement: Placement, request: SentStep, profile: RouterProfile): Certainty {
  const differs = (different: boolean, isolated: boolean | undefined): Certainty => {
    if (!different) return "yes";
    return isolated === undefined ? "maybe" : isolated ? "no" : "yes";
  };
  return leastCertain(
    differs(placement.step.model !== request.model, profile.isolation?.model),
    differs(placement.step.cacheSalt !== request.cacheSalt, profile.isolation?.cacheSalt),
  );
}

/** A pod that was gone and came back: does the index still credit it? */
function afterReturn(placement: Placement, history: History, profile: RouterProfile): Certainty {
  if (!placement.podLeft) return "yes";
  // While it is away its entries can still lengthen the match of a router that counts absent owners.
  if (!history.livePods.includes(placement.pod)) return "maybe";
  const cold = profile.discovery?.returningPodIsCold;
  return cold === undefined ? "maybe" : cold ? "no" : "yes";
}

/** A pod that failed a later request with this prefix may have lost its cache: a router may forget it, or not. */
function afterError(placement: Placement, history: History, sharedOf: (other: Placement) => number): Certainty {
  const failedLater = history.placements.some(
    (other) =>
      other.pod === placement.pod &&
      other.outcome === "error" &&
      other.startMs > placement.startMs &&
      sharedOf(other) > 0,
  );
  return failedLater ? "maybe" : "yes";
}

/** Claims of other pods to the whole of the same stretch; a pod that had left by then is no rival. */
function rivalsOf({ placement, possible }: Claim, claims: readonly Claim[], history: History): readonly Claim[] {
  return claims.filter(
    (rival) =>
      rival.placement.pod !== placement.pod &&
      rival.possible >= possible &&
      (rival.placement.startMs > placement.startMs || history.wasThere(rival.placement.pod, placement.startMs)),
  );
}

/** Does the pod stay an owner of this stretch although others were sent it too? */
function keepsAgainst(covering: readonly Claim[], claim: Claim, owners: RouterProfile["owners"]): Certainty {
  if (owners === "all") return "yes";
  if (covering.length === 0) return "yes";
  if (owners === "last") {
    const later = covering.filter((rival) => (rival.placement.endMs ?? Infinity) >= claim.placement.startMs);
    if (later.length === 0) return "yes";
    const surelyLater = later.some(
      (rival) => rival.sure >= claim.possible && rival.placement.startMs >= (claim.placement.endMs ?? Infinity),
    );
    return surelyLater ? "no" : "maybe";
  }
  if (typeof owners === "number" && new Set(covering.map((rival) => rival.placement.pod)).size < owners) return "yes";
  return "maybe";
}
