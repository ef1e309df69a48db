/** What a history says about the requests that reached pods, and about which pods were there. */
import type { Observation, SentStep, Step } from "../observation.ts";

/** A request that reached a pod. */
export interface Placement {
  readonly step: SentStep;
  readonly pod: string;
  /** False for a pod that was tried first and did not serve it. */
  readonly served: boolean;
  readonly startMs: number;
  /** Undefined while it is in flight. */
  readonly endMs: number | undefined;
  /** `error`: the pod answered with an error or never served it; `aborted`: the client left. */
  readonly outcome: "open" | "ok" | "error" | "aborted";
  /** The pod was removed after this. */
  readonly podLeft: boolean;
}

export interface History {
  readonly placements: readonly Placement[];
  readonly livePods: readonly string[];
  readonly observation: Observation;
  /** Whether the pod was among those the router had been told of. */
  readonly wasThere: (pod: string, atMs: number) => boolean;
}

/**
 * Everything before `request` was sent. A request that overlaps it in time counts as placed, with an open end: its
 * order is unknown to the client.
 */
export function historyBefore(observation: Observation, request: SentStep): History {
  const before = observation.steps.filter((step) => step !== request && startOf(step) <= request.endMs);
  const releases = new Map(
    before.flatMap((step) => (step.kind === "released" ? [[step.requestId, step] as const] : [])),
  );
  const removals = before.flatMap((step) => (step.kind === "pods" && step.change === "remove" ? [step] : []));
  const placements = before.flatMap((step) => {
    if (step.kind !== "sent") return [];
    const release = releases.get(step.requestId);
    const endMs = step.held ? release?.atMs : step.endMs;
    const outcome = step.held ? (release?.outcome ?? "open") : step.status >= 200 && step.status < 400 ? "ok" : "error";
    return step.attempts.map((pod, index): Placement => {
      const served = index === step.attempts.length - 1 && pod === step.pod;
      return {
        step,
        pod,
        served,
        startMs: step.startMs,
        endMs: served ? endMs : step.endMs,
        outcome: served ? outcome : "error",
        podLeft: removals.some((removal) => removal.pod === pod && removal.atMs >= step.startMs),
      };
    });
  });
  const changes = before.filter((step) => step.kind === "pods");
  const wasThere = (pod: string, atMs: number): boolean =>
    changes.findLast((change) => change.atMs <= atMs)?.pods.includes(pod) ?? true;
  return { placements, livePods: podsFor(request.model, before), observation, wasThere };
}

/** When the router last showed that it has noticed every end; -Infinity when it never did. */
export function quietBefore({ observation }: History, nowMs: number): number {
  const proof = observation.steps.findLast((step) => step.kind === "quiet" && step.atMs <= nowMs);
  return proof?.kind === "quiet" ? proof.atMs : -Infinity;
}

function startOf(step: Step): number {
  return step.kind === "sent" ? step.startMs : step.atMs;
}

/** Pods that are there and serve the model. */
function podsFor(model: string, steps: readonly Step[]): readonly string[] {
  const { pods = [], serving = {} } = steps.findLast((step) => step.kind === "pods") ?? {};
  return pods.filter((pod) => serving[pod]?.includes(model) !== false);
}
