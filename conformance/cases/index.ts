/** The catalogue. */
import type { Case } from "../case.ts";
import { affinityCases } from "./affinity.ts";
import { concurrencyCases } from "./concurrency.ts";
import { errorCases } from "./errors.ts";
import { backPressureCases } from "./back-pressure.ts";
import { framingCases } from "./framing.ts";
import { leakCases } from "./leaks.ts";
import { openAdminCases } from "./open-admin.ts";
import { usageCases } from "./usage.ts";
import { explanationCases } from "./explanation.ts";
import { kvEventCases } from "./kv-events.ts";
import { memoryCases } from "./memory.ts";
import { metricsPageCases } from "./metrics-page.ts";
import { observabilityCases } from "./observability.ts";
import { performanceCases } from "./performance.ts";
import { raceCases } from "./races.ts";
import { sickPodCases } from "./sick-pods.ts";
import { evictCases } from "./evict.ts";
import { hopByHopCases } from "./hop-by-hop.ts";
import { isolationCases } from "./isolation.ts";
import { gateCases } from "./gate.ts";
import { loadCases } from "./load.ts";
import { longestMatchCases } from "./longest-match.ts";
import { hotPrefixCases } from "./hot-prefix.ts";
import { podTokenizerCases } from "./pod-tokenizer.ts";
import { refusalCases } from "./refusals.ts";
import { reportedLoadCases } from "./reported-load.ts";
import { podCases } from "./pods.ts";
import { podOwnerCases } from "./pod-owners.ts";
import { podHealthCases } from "./pod-health.ts";
import { randomSequenceCases } from "./random-sequences.ts";
import { servingCases } from "./serving.ts";
import { splitCases } from "./split.ts";
import { withStimulusCheck } from "./stimulus.ts";
import { disconnectCases } from "./disconnect.ts";
import { transparencyCases } from "./transparency.ts";
import { streamCases } from "./stream.ts";
import { targetHeaderCases } from "./target-headers.ts";
import { textCases } from "./text.ts";
import { thresholdCases } from "./threshold.ts";
import { unitCases } from "./units.ts";
import { whatIsMatchedCases } from "./what-is-matched.ts";

const ALL: readonly Case[] = [
  ...thresholdCases,
  ...longestMatchCases,
  ...splitCases,
  ...evictCases,
  ...kvEventCases,
  ...memoryCases,
  ...podCases,
  ...podOwnerCases,
  ...podHealthCases,
  ...loadCases,
  ...gateCases,
  ...refusalCases,
  ...reportedLoadCases,
  ...hotPrefixCases,
  ...streamCases,
  ...transparencyCases,
  ...hopByHopCases,
  ...disconnectCases,
  ...usageCases,
  ...backPressureCases,
  ...errorCases,
  ...sickPodCases,
  ...concurrencyCases,
  ...raceCases,
  ...textCases,
  ...whatIsMatchedCases,
  ...unitCases,
  ...podTokenizerCases,
  ...isolationCases,
  ...servingCases,
  ...targetHeaderCases,
  ...framingCases,
  ...leakCases,
  ...openAdminCases,
  ...observabilityCases,
  ...metricsPageCases,
  ...explanationCases,
  ...performanceCases,
  ...affinityCases,
  ...randomSequenceCases,
];

const groupOf = ({ id }: Case): string => id.slice(0, id.indexOf("-"));

/** Every case of the suite, in the order in which they run: group by group, by number. */
export const CASES: readonly Case[] = [...Map.groupBy(ALL, groupOf).values()]
  .flatMap((group) => group.sort((a, b) => a.id.localeCompare(b.id)))
  .map(withStimulusCheck);
