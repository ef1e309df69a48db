/** Sampling parameters. */
import type { ByVersion } from "./version.ts";

export interface SamplingProfile {
  /** `VLLM_MAX_N_SEQUENCES`. */
  readonly mostSamples: number;
  readonly highestTemperature: number;
  /** Keys of `logit_bias` that are no numbers: all of them, or the first in Python's words. */
  readonly wrongKeys: "all" | "first";
  readonly highestRepetitionPenalty: number;
  /** What switches `top_k` off. */
  readonly noTopK: 0 | -1;
  /** Who looks at ids and counts of alternatives: the engine V0, for which the tokenizer's vocabulary was all there is. */
  readonly judge: "V0" | "V1";
  /** A priority is refused by a scheduler without them. */
  readonly refusesPriorities: boolean;
}

const NOW: SamplingProfile = {
  mostSamples: 16384,
  highestTemperature: 2,
  wrongKeys: "all",
  highestRepetitionPenalty: Infinity,
  noTopK: 0,
  judge: "V1",
  refusesPriorities: false,
};
const IN_0_10: SamplingProfile = {
  ...NOW,
  mostSamples: Infinity,
  highestTemperature: Infinity,
  wrongKeys: "first",
};
const IN_0_7: SamplingProfile = {
  ...IN_0_10,
  highestRepetitionPenalty: 2,
  noTopK: -1,
  judge: "V0",
  refusesPriorities: true,
};

export const SAMPLING: ByVersion<SamplingProfile> = { "0.7": IN_0_7, "0.10": IN_0_10, "0.28": NOW, "0.32": NOW };
