/** The catalogue. */
import type { Case } from "../case.ts";
import { affinityCases } from "./prefix/affinity.ts";
import { concurrencyCases } from "./gateway/concurrency.ts";
import { errorCases } from "./gateway/errors.ts";
import { brokenEndCases } from "./gateway/broken-ends.ts";
import { largeImageCases } from "./gateway/large-images.ts";
import { backPressureCases } from "./gateway/back-pressure.ts";
import { framingCases } from "./security/framing.ts";
import { lateAnswerCases } from "./gateway/late-answers.ts";
import { wayOfWritingCases } from "./gateway/ways-of-writing.ts";
import { leakCases } from "./security/leaks.ts";
import { openAdminCases } from "./security/open-admin.ts";
import { streamedOrWholeCases } from "./gateway/streamed-or-whole.ts";
import { usageCases } from "./gateway/usage.ts";
import { explanationCases } from "./reporting/explanation.ts";
import { kvEventCases } from "./forgetting/kv-events.ts";
import { memoryCases } from "./forgetting/memory.ts";
import { metricsPageCases } from "./reporting/metrics-page.ts";
import { loadGaugeCases } from "./reporting/load-gauge.ts";
import { observabilityCases } from "./reporting/observability.ts";
import { performanceCases } from "./reporting/performance.ts";
import { raceCases } from "./gateway/races.ts";
import { blamelessPodCases } from "./pods/blameless-pods.ts";
import { sickPodCases } from "./pods/sick-pods.ts";
import { capacityCases } from "./forgetting/capacity.ts";
import { evictCases } from "./forgetting/evict.ts";
import { hopByHopCases } from "./gateway/hop-by-hop.ts";
import { isolationCases } from "./prefix/isolation.ts";
import { manyRequestCases } from "./load/many-requests.ts";
import { gateCases } from "./load/gate.ts";
import { loadCases } from "./load/load.ts";
import { longestMatchCases } from "./prefix/longest-match.ts";
import { hotPrefixCases } from "./load/hot-prefix.ts";
import { podTokenizerCases } from "./prefix/pod-tokenizer.ts";
import { twoModelCases } from "./load/two-models.ts";
import { windowCases } from "./load/window.ts";
import { refusalCases } from "./load/refusals.ts";
import { unansweredCases } from "./load/unanswered.ts";
import { reportedLoadCases } from "./load/reported-load.ts";
import { podCases } from "./pods/pods.ts";
import { podOwnerCases } from "./pods/pod-owners.ts";
import { podHealthCases } from "./pods/pod-health.ts";
import { silentHealthCases } from "./pods/silent-health.ts";
import { randomSequenceCases } from "./prefix/random-sequences.ts";
import { servingCases } from "./pods/serving.ts";
import { splitCases } from "./prefix/split.ts";
import { withStimulusCheck } from "./stimulus.ts";
import { disconnectCases } from "./gateway/disconnect.ts";
import { bodyCases } from "./gateway/bodies.ts";
import { overloadCases } from "./gateway/overload.ts";
import { unsaidFieldCases } from "./gateway/unsaid-fields.ts";
import { mediaTypeCases } from "./gateway/media-types.ts";
import { transparencyCases } from "./gateway/transparency.ts";
import { streamCases } from "./gateway/stream.ts";
import { targetHeaderCases } from "./security/target-headers.ts";
import { textCases } from "./prefix/text.ts";
import { thresholdCases } from "./prefix/threshold.ts";
import { spellingCases } from "./prefix/spellings.ts";
import { unitCases } from "./prefix/units.ts";
import { whatIsMatchedCases } from "./prefix/what-is-matched.ts";

const ALL: readonly Case[] = [
  ...thresholdCases,
  ...longestMatchCases,
  ...splitCases,
  ...evictCases,
  ...capacityCases,
  ...kvEventCases,
  ...memoryCases,
  ...podCases,
  ...podOwnerCases,
  ...podHealthCases,
  ...silentHealthCases,
  ...loadCases,
  ...gateCases,
  ...manyRequestCases,
  ...windowCases,
  ...twoModelCases,
  ...refusalCases,
  ...unansweredCases,
  ...reportedLoadCases,
  ...hotPrefixCases,
  ...streamCases,
  ...lateAnswerCases,
  ...wayOfWritingCases,
  ...brokenEndCases,
  ...largeImageCases,
  ...transparencyCases,
  ...mediaTypeCases,
  ...bodyCases,
  ...hopByHopCases,
  ...disconnectCases,
  ...usageCases,
  ...streamedOrWholeCases,
  ...backPressureCases,
  ...errorCases,
  ...overloadCases,
  ...sickPodCases,
  ...blamelessPodCases,
  ...concurrencyCases,
  ...raceCases,
  ...textCases,
  ...unsaidFieldCases,
  ...whatIsMatchedCases,
  ...spellingCases,
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
  ...loadGaugeCases,
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
