import { attentionMs, type LatencyProfile, linearMs, quadraticMs } from "../../fixtures/profiles/latency-profile.ts";
import type { RandomStream } from "../../fixtures/random.ts";
import type { Schedule } from "./scheduler.ts";

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
  /** The next step's, once drawn. */
  #factor: number | undefined;

  constructor(profile: LatencyProfile, noise?: StepNoise) {
    this.#profile = profile;
    this.#noise = noise;
  }

  stepMs({ sequences, tokens }: Pick<Schedule, "sequences" | "tokens">): number {
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
    const ms = this.#curvesMs(requests, batchTokens, contextTokens, chunksMs) * this.#nextFactor();
    this.spendFactor();
    return ms;
  }

  /**
   * A step in which each of `requests` computes one token, over `contextTokens` in all. Only a look: `spendFactor` says
   * that the step was made.
   */
  decodeMs(requests: number, contextTokens: number): number {
    return this.#curvesMs(requests, requests, contextTokens, 0) * this.#nextFactor();
  }

  /** The next step draws its own noise. */
  spendFactor(): void {
    this.#factor = undefined;
  }

  /** A decode step surely takes no less, nor does any later one of the same requests. */
  leastDecodeMs(requests: number, contextTokens: number): number {
    return this.#curvesMs(requests, requests, contextTokens, 0) * (1 - (this.#noise?.ratio ?? 0));
  }

  #curvesMs(requests: number, batchTokens: number, contextTokens: number, chunksMs: number): number {
    const load = { requests, contextTokens, uniqueKvTokens: contextTokens };
    const sumMs = linearMs(this.#profile, batchTokens) + attentionMs(this.#profile, load) + chunksMs;
    return sumMs / this.#profile.efficiencyRatio;
  }

  #nextFactor(): number {
    if (this.#noise === undefined) return 1;
    return (this.#factor ??= 1 + this.#noise.ratio * (2 * this.#noise.random.next() - 1));
  }
}
