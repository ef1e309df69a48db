/** The catalogue. */
import type { Case } from "../case.ts";
import { affinityCases } from "./affinity.ts";
import { concurrencyCases } from "./concurrency.ts";
import { errorCases } from "./errors.ts";
import { evictCases } from "./evict.ts";
import { isolationCases } from "./isolation.ts";
import { loadCases } from "./load.ts";
import { longestMatchCases } from "./longest-match.ts";
import { podCases } from "./pods.ts";
import { randomSequenceCases } from "./random-sequences.ts";
import { splitCases } from "./split.ts";
import { withStimulusCheck } from "./stimulus.ts";
import { streamCases } from "./stream.ts";
import { targetHeaderCases } from "./target-headers.ts";
import { textCases } from "./text.ts";
import { thresholdCases } from "./threshold.ts";

const ALL: readonly Case[] = [
  ...thresholdCases,
  ...longestMatchCases,
  ...splitCases,
  ...evictCases,
  ...podCases,
  ...loadCases,
  ...streamCases,
  ...errorCases,
  ...concurrencyCases,
  ...textCases,
  ...isolationCases,
  ...targetHeaderCases,
  ...affinityCases,
  ...randomSequenceCases,
];

/** Every case of the suite, in the order in which they run. */
export const CASES: readonly Case[] = ALL.map(withStimulusCheck);
