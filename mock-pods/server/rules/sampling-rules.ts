/**
 * What vLLM 0.32 demands of sampling parameters (`sampling_params.py`), in its order and words.
 *
 * `checkSampling` is looked at before an answer begins; `checkAgainstModel` only when the engine takes the request, so
 * that a stream has begun by then and carries the refusal as an event.
 */
import { noConstraint } from "../../../fixtures/wire/common-fields.ts";
import { badRequest } from "../../../fixtures/wire/errors.ts";
import type { SamplingRequest, Whole } from "../../../fixtures/wire/sampling-request.ts";
import type { SamplingProfile } from "../../versions/sampling.ts";
import type { PodContext } from "../pod-context.ts";
import { checkExtraArguments } from "./serial-rules.ts";
import { floatText, repr } from "../../../fixtures/wire/validation/python-text.ts";

const MAX_LOGPROB_TOKEN_IDS = 128;

export function stopStrings({ stop }: SamplingRequest): readonly string[] {
  if (stop === undefined || stop === null) return [];
  return typeof stop === "string" ? [stop] : stop;
}

/** @throws {Refusal} `maxTokens` is what is left for the answer once the prompt's length is known. */
export function checkSampling(request: SamplingRequest, maxTokens: number, rules: SamplingProfile): void {
  checkLogitBiasKeys(request, rules);
  const { response_format: format } = request;
  if (format?.type === "json_schema" && !format.json_schema?.schema) throw noConstraint();
  checkCount(request.n ?? 1, rules.mostSamples);
  checkExtraArguments(request.vllm_xargs, request.kv_transfer_params, request.ec_transfer_params);
  checkRanges(request, rules);
  checkLengths(request.min_tokens ?? 0, maxTokens);
  checkStops(request);
  checkBadWords(request);
  if (request.use_beam_search !== true) checkGreedy(request);
}

/** @throws {Refusal} */
export function checkRanges(request: SamplingRequest, rules: SamplingProfile): void {
  checkPenalties(request, rules.highestRepetitionPenalty);
  checkTemperature(request.temperature ?? 1, rules.highestTemperature);
  checkCutoffs(request, rules.noTopK);
}

/** @throws {Refusal} */
export function checkGreedy({ temperature, n }: SamplingRequest): void {
  if (temperature === 0 && (n ?? 1) > 1) throw badRequest(`n must be 1 when using greedy sampling, got ${n}.`);
}

function checkLogitBiasKeys({ logit_bias: bias }: SamplingRequest, { wrongKeys }: SamplingProfile): void {
  const wrong = Object.keys(bias ?? {}).filter((key) => !/^\s*[+-]?[0-9]+(_[0-9]+)*\s*$/.test(key));
  if (wrong.length === 0) return;
  if (wrongKeys === "first") throw badRequest(`invalid literal for int() with base 10: ${repr(wrong[0])}`);
  const list = repr(wrong);
  throw badRequest(
    `logit_bias contains key(s) that cannot be converted to integer token IDs: ${list}`,
    "logit_bias",
    list,
  );
}

/** @throws {Refusal} */
export function checkCount(n: number, most: number): void {
  if (n < 1) throw badRequest(`n must be at least 1, got ${n}.`);
  if (n > most) {
    throw badRequest(
      `n must be at most ${most}, got ${n}. ` +
        "To increase this limit, set the VLLM_MAX_N_SEQUENCES environment variable.",
    );
  }
}

function checkPenalties(request: SamplingRequest, highest: number): void {
  for (const name of ["presence_penalty", "frequency_penalty"] as const) {
    const penalty = request[name] ?? 0;
    if (!(penalty >= -2 && penalty <= 2)) throw badRequest(`${name} must be in [-2, 2], got ${floatText(penalty)}.`);
  }
  const repetition = request.repetition_penalty ?? 1;
  if (!Number.isFinite(repetition)) {
    throw badRequest(`repetition_penalty must be a finite number, got ${floatText(repetition)}.`);
  }
  if (highest < Infinity && !(repetition > 0 && repetition <= highest)) {
    throw badRequest(`repetition_penalty must be in (0, ${highest}], got ${floatText(repetition)}.`);
  }
  if (repetition <= 0) throw badRequest(`repetition_penalty must be greater than zero, got ${floatText(repetition)}.`);
}

function checkTemperature(temperature: number, highest: number): void {
  const wrong = !Number.isFinite(temperature)
    ? "must be a finite number"
    : temperature < 0
      ? "must be non-negative"
      : temperature > highest
        ? `must be in [0, ${highest}]`
        : undefined;
  if (wrong === undefined) return;
  const got = floatText(temperature);
  throw badRequest(`temperature ${wrong}, got ${got}.`, "temperature", got);
}

function checkCutoffs(request: SamplingRequest, noTopK: 0 | -1): void {
  const topP = request.top_p ?? 1;
  if (!(topP > 0 && topP <= 1)) {
    throw badRequest(`top_p must be in (0, 1], got ${floatText(topP)}.`, "top_p", floatText(topP));
  }
  const topK = request.top_k ?? noTopK;
  if (topK < -1 || (topK === 0 && noTopK !== 0)) {
    throw badRequest(`top_k must be ${noTopK} (disable), or at least 1, got ${topK}.`);
  }
  const minP = request.min_p ?? 0;
  if (!(minP >= 0 && minP <= 1)) throw badRequest(`min_p must be in [0, 1], got ${floatText(minP)}.`);
}

/** @throws {Refusal} */
export function checkLengths(minTokens: number, maxTokens: Whole): void {
  if (maxTokens < 1) {
    throw badRequest(`max_tokens must be at least 1, got ${maxTokens}.`, "max_tokens", String(maxTokens));
  }
  if (minTokens < 0) throw badRequest(`min_tokens must be greater than or equal to 0, got ${minTokens}.`);
  if (minTokens > maxTokens) {
    throw badRequest(`min_tokens must be less than or equal to max_tokens=${maxTokens}, got ${minTokens}.`);
  }
}

/** @throws {Refusal} */
export function checkStops(request: SamplingRequest): void {
  if (stopStrings(request).includes("")) throw badRequest("stop cannot contain an empty string.");
}

/** @throws {Refusal} */
export function checkBadWords(request: SamplingRequest): void {
  const bad = request.bad_words ?? [];
  if (bad.includes("")) {
    throw badRequest(`bad_words cannot contain an empty string. Got bad_words=${repr([...new Set(bad)])}`);
  }
}

/** As many tokens as asked for, and no more than there is room for. @throws {Refusal} for a number that no double can show */
export function answerTokens(asked: Whole | null | undefined, room: number): number {
  if (typeof asked === "bigint" && asked < 1n) checkLengths(0, asked);
  return Math.min(Number(asked ?? Infinity), room);
}

export interface ModelLimits {
  readonly vocabSize: number;
  readonly maxLogprobs: number;
  readonly rules: SamplingProfile;
}

/** @throws {Refusal} `logprobs`: how many alternatives a token is asked for, completions and chat alike. */
export function checkAgainstModel(
  request: SamplingRequest,
  logprobs: number | null,
  promptLogprobs: number | null,
  { vocabSize, maxLogprobs, rules }: ModelLimits,
): void {
  if (rules.judge === "V0")
    return checkAsV0(request, Math.max(logprobs ?? 0, promptLogprobs ?? 0), vocabSize, maxLogprobs);
  checkLogprobs("logprobs", "sample", logprobs, vocabSize, maxLogprobs);
  checkLogprobIds(request.logprob_token_ids, vocabSize);
  checkLogprobs("prompt_logprobs", "prompt", promptLogprobs, vocabSize, maxLogprobs);
  checkIds("logit_bias", Object.keys(request.logit_bias ?? {}).map(wholeNumber), vocabSize);
  checkIds("stop_token_ids", request.stop_token_ids ?? [], vocabSize);
  checkAllowedIds(request.allowed_token_ids, vocabSize);
}

export function modelLimits(pod: PodContext): ModelLimits {
  const { maxLogprobs, version } = pod.settings;
  const rules = version.sampling;
  const vocabSize = rules.judge === "V0" ? pod.tokenizer.highestTokenId + 1 : pod.tokenizer.vocabSize;
  return { vocabSize, maxLogprobs, rules };
}

/** The old engine's fewer looks (0.7.2 `llm_engine.py`, `logits_processors.py`). */
function checkAsV0(request: SamplingRequest, logprobs: number, vocabSize: number, maxLogprobs: number): void {
  if (logprobs > maxLogprobs) throw badRequest(`Cannot request more than ${maxLogprobs} logprobs.`);
  const [wrong] = outOfVocabulary(Object.keys(request.logit_bias ?? {}).map(Number), vocabSize);
  if (wrong !== undefined) throw badRequest(`token_id ${wrong} in logit_bias contains out-of-vocab token id`);
  if (outOfVocabulary(request.allowed_token_ids ?? [], vocabSize).length > 0) {
    throw badRequest("allowed_token_ids contains out-of-vocab token id");
  }
}

/** @throws {Refusal} by a scheduler that would have to ignore it */
export function checkPriority({ settings }: PodContext, { priority = 0 }: SamplingRequest): void {
  if (priority === 0 || !settings.refusesPriorities) return;
  throw badRequest(`Got priority ${priority} but Priority scheduling is not enabled.`);
}

function checkLogprobs(name: string, kind: string, asked: number | null, vocabSize: number, maxLogprobs: number): void {
  if (asked === null) return;
  const count = asked === -1 ? vocabSize : asked;
  const limit = maxLogprobs === -1 ? vocabSize : maxLogprobs;
  if (count > limit) {
    throw badRequest(
      `Requested ${kind} logprobs of ${count}, which is greater than max allowed: ${limit}`,
      name,
      String(count),
    );
  }
}

function checkLogprobIds(ids: readonly number[] | null | undefined, vocabSize: number): void {
  if (ids === undefined || ids === null || ids.length === 0) return;
  if (ids.length > MAX_LOGPROB_TOKEN_IDS) {
    throw badRequest(
      `Requested logprob_token_ids of length ${ids.length}, which is greater than max allowed: ${MAX_LOGPROB_TOKEN_IDS}`,
      "logprob_token_ids",
      String(ids.length),
    );
  }
  checkIds("logprob_token_ids", ids, vocabSize);
}

function checkIds(name: string, ids: readonly Whole[], vocabSize: number): void {
  if (ids.length === 0) return;
  const wrong = outOfVocabulary([...new Set(ids)], vocabSize);
  if (wrong.length === 0) return;
  const list = repr(wrong);
  throw badRequest(
    `token_id(s) ${list} in ${name} contain out-of-vocab token ids. Vocabulary size: ${vocabSize}`,
    name,
    list,
  );
}

function checkAllowedIds(ids: readonly number[] | null | undefined, vocabSize: number): void {
  if (ids === undefined || ids === null) return;
  if (ids.length === 0) throw badRequest("allowed_token_ids is not None and empty!", "allowed_token_ids", "[]");
  const wrong = outOfVocabulary(ids, vocabSize);
  if (wrong.length > 0) {
    throw badRequest("allowed_token_ids contains out-of-vocab token id!", "allowed_token_ids", repr(wrong));
  }
}

/** As exact as it is written. */
function wholeNumber(text: string): Whole {
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : BigInt(text.trim().replaceAll("_", "").replace(/^\+/, ""));
}

function outOfVocabulary(ids: readonly Whole[], vocabSize: number): Whole[] {
  return ids.filter((id) => id < 0 || id >= vocabSize);
}
