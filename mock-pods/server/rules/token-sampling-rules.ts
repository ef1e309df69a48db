/** What vLLM 0.32 demands of sampling parameters where they come as they are, with tokens: all of it at once, in its order. */
import type { TokenSampling } from "../../../fixtures/wire/generate-request.ts";
import { badRequest } from "../../../fixtures/wire/errors.ts";
import type { Whole } from "../../../fixtures/wire/sampling-request.ts";
import type { SamplingProfile } from "../../versions/sampling.ts";
import { checkExtraArguments, isSerial } from "./serial-rules.ts";
import {
  checkBadWords,
  checkCount,
  checkGreedy,
  checkLengths,
  checkRanges,
  checkStops,
  stopStrings,
} from "./sampling-rules.ts";

/** Of one who says nothing, until the prompt's length is known. */
const DEFAULT_MAX_TOKENS = 16;

/** @throws {Refusal} */
export function checkTokenSampling(sampling: TokenSampling, rules: SamplingProfile): void {
  const { thinking_token_budget: budget, max_tokens: most = DEFAULT_MAX_TOKENS, stream_interval: interval } = sampling;
  if (isNumber(budget) && budget < -1) {
    const what = "`thinking_token_budget` must be a non-negative integer or -1 for unlimited.";
    throw badRequest(what, "thinking_token_budget", String(budget));
  }
  checkCount(sampling.n ?? 1, rules.mostSamples);
  checkExtraArguments(sampling.extra_args);
  checkRanges(sampling, rules);
  checkLengths(sampling.min_tokens ?? 0, most ?? Infinity);
  if (isNumber(interval) && interval < 1) {
    throw badRequest(`stream_interval must be at least 1, got ${interval}.`, "stream_interval", String(interval));
  }
  for (const name of ["logprobs", "prompt_logprobs"] as const) checkAlternatives(name, sampling[name] ?? 0);
  const { prompt_logprob_start: start, prompt_logprob_token_ids: wanted } = sampling;
  if (isNumber(start) && !wanted?.length) {
    throw badRequest("prompt_logprob_start requires prompt_logprob_token_ids.", "prompt_logprob_start", String(start));
  }
  checkStops(sampling);
  if (stopStrings(sampling).length > 0 && sampling.detokenize === false) {
    throw badRequest("stop strings are only supported when detokenize is True. Set detokenize=True to use stop.");
  }
  checkBadWords(sampling);
  checkGreedy(sampling);
}

/** @throws {Refusal} -1 stands for the whole vocabulary */
export function checkAlternatives(name: string, count: number): void {
  if (count < -1) throw badRequest(`${name} must be non-negative or -1, got ${count}.`, name, String(count));
}

/** What the engine, another process, cannot be told. @throws {Refusal} */
export function checkSerial(...values: readonly unknown[]): void {
  if (!values.every(isSerial)) throw badRequest("can't serialize ints < -2**63 or > 2**64 - 1");
}

function isNumber(value: Whole | null | undefined): value is Whole {
  return value !== null && value !== undefined;
}
