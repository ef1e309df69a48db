/** What earlier cases sent, for as long as the router's load window may still count it. */
import type { CarriedLoad, Step } from "../observation.ts";
import { WINDOW_EDGE_MS } from "../oracle/request-load.ts";
import type { Arrival } from "./pod-stage.ts";

export interface CarriedTo {
  readonly nowMs: number;
  /** 0 where the router counts nothing that has ended. */
  readonly windowMs: number;
  /** Names of those that are there. */
  readonly pods: readonly string[];
  /** When the router started. */
  readonly sinceMs: number;
  /** What was done since the last case, to find pods: what of it was served surely counts. */
  readonly steps: readonly Step[];
}

export class CarriedArrivals {
  #arrivals: Arrival[] = [];

  add(arrivals: readonly Arrival[]): void {
    this.#arrivals.push(...arrivals);
  }

  /** The router is another one. */
  forget(): void {
    this.#arrivals = [];
  }

  latestMs(): number {
    return Math.max(0, ...this.#arrivals.map(({ atMs }) => atMs));
  }

  loads({ nowMs, windowMs, pods, sinceMs, steps }: CarriedTo): readonly CarriedLoad[] {
    const oldestMs = nowMs - windowMs - WINDOW_EDGE_MS;
    this.#arrivals = this.#arrivals.filter(({ atMs, pod }) => atMs >= oldestMs && pods.includes(pod));
    if (windowMs === 0) return [];
    const served = new Map(
      steps.flatMap((step) => (step.kind === "sent" && step.status === 200 ? [[step.requestId, step]] : [])),
    );
    return this.#arrivals.flatMap(({ requestId, pod, atMs, promptChars }): CarriedLoad[] => {
      if (atMs < sinceMs) return [];
      const step = served.get(requestId);
      return step?.pod === pod
        ? [{ pod, atMs, promptChars: step.prompt.text.length, surely: true }]
        : [{ pod, atMs, promptChars }];
    });
  }
}
