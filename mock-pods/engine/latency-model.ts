import { attentionMs, type LatencyProfile, linearMs, quadraticMs } from "../../fixtures/profiles/latency-profile.ts";
import type { RandomStream } from "../../fixtures/random.ts";
import type { StepPlan } from "./step-plan.ts";

/** Multiplies each step by a random factor from `1 - ratio` to `1 + ratio`. */
export interface StepNoise {
  readonly ratio: number;
  readonly random: RandomStream;
}

/**
 * How long a card takes for a step: the linear term once for the whole batch, attention over all context read, and the
 * quadratic term of each prefill chunk over what it attends to. So a prefill slows down the decodes beside it.
 */
export class LatencyModel {
  readonly #profile: LatencyProfile;
  readonly #noise: StepNoise | undefined;
  /** Drawn for steps to come. */
  readonly #factors: number[] = [];

  constructor(profile: LatencyProfile, noise?: StepNoise) {
    this.#profile = profile;
    this.#noise = noise;
  }

  stepMs({ sequences, tokens }: Pick<StepPlan, "sequences" | "tokens">): number {
    const requests = sequences.length;
    if (requests === 0) return 0;
    let batchTokens = 0;
    let contextTokens = 0;
    let chunksMs = 0;
    for (let index = 0; index < requests; index++) {
      const newTokens = tokens[index] as number;
      const attendedTokens = (sequences[index]?.computedTokens ?? 0) + newTokens;
      batchTokens += newTokens;
      contextTokens += attendedTokens;
      if (newTokens > 1) chunksMs += quadraticMs(this.#profile, newTokens, attendedTokens);
    }
    const ms = this.#curvesMs(requests, batchTokens, contextTokens, chunksMs) * this.#factor(0);
    this.spend(1);
    return ms;
  }

  /**
   * When each of `steps` steps ends in which `requests` compute one token each; the first reads `contextTokens` in all.
   * Only a look: `spend` says how many were made.
   */
  decodeEndsMs(requests: number, contextTokens: number, steps: number, startMs: number): number[] {
    const endsMs: number[] = [];
    let endMs = startMs;
    for (let step = 0; step < steps; step++) {
      endMs += this.#curvesMs(requests, requests, contextTokens + step * requests, 0) * this.#factor(step);
      endsMs.push(endMs);
    }
    return endsMs;
  }

  /** So many steps were made: the next draw their own noise. */
  spend(steps: number): void {
    this.#factors.splice(0, steps);
  }

  #curvesMs(requests: number, batchTokens: number, contextTokens: number, chunksMs: number): number {
    const load = { requests, contextTokens, uniqueKvTokens: contextTokens };
    const sumMs = linearMs(this.#profile, batchTokens) + attentionMs(this.#profile, load) + chunksMs;
    return sumMs / this.#profile.efficiencyRatio;
  }

  /** Of a step to come, 0 the next. */
  #factor(step: number): number {
    if (this.#noise === undefined) return 1;
    const { ratio, random } = this.#noise;
    while (this.#factors.length <= step) this.#factors.push(1 + ratio * (2 * random.next() - 1));
    return this.#factors[step] as number;
  }
}
