/**
 * Sampling parameters as `/render` shows them: msgspec leaves out what *is* its default, which spares small integers,
 * booleans and None, but neither lists nor floats, except those that greedy sampling sets back.
 */
import { fullConstraint } from "../../../fixtures/wire/common-fields.ts";
import type { SamplingRequest } from "../../../fixtures/wire/sampling-request.ts";
import { dumpAscii, floatText } from "../../../fixtures/wire/validation/python-text.ts";
import { stopStrings } from "./sampling-rules.ts";

/** Of `RequestOutputKind`. */
const DELTA = 1;
const FINAL_ONLY = 2;
const DEFAULT_MAX_TOKENS = 16;
/** Below it vLLM raises the temperature to it, zero apart. */
const LEAST_TEMPERATURE = 0.01;
/** What a bias is cut to. */
const MOST_BIAS = 100;

/** What completions and chat ask for in fields of their own. */
export interface RenderedBeside {
  readonly logprobs: number | null;
  readonly promptLogprobs: number | null;
  /** A tool parser looks for special tokens. */
  readonly keepsSpecial: boolean;
  /** Arguments for extensions are told though there are none. */
  readonly tellsExtras: boolean;
}

/** In the order in which vLLM declares them. */
export function renderedSampling(request: SamplingRequest, maxTokens: number, beside: RenderedBeside): string {
  const temperature = request.temperature ?? 1;
  const greedy = temperature === 0;
  const stops = stopStrings(request);
  const buffered = stops.length > 0 && request.include_stop_str_in_output !== true;
  const outputs = constraintOf(request);
  const fields: [string, string | undefined][] = [
    ["n", unless(request.n ?? 1, 1)],
    ["presence_penalty", floatText(request.presence_penalty ?? 0)],
    ["frequency_penalty", floatText(request.frequency_penalty ?? 0)],
    ["repetition_penalty", floatText(request.repetition_penalty ?? 1)],
    ["temperature", floatText(temperature > 0 ? Math.max(temperature, LEAST_TEMPERATURE) : temperature)],
    ["watermarking", unless(request.watermarking ?? null, null)],
    ["top_p", greedy ? undefined : floatText(request.top_p ?? 1)],
    ["top_k", greedy ? undefined : unless(request.top_k ?? 0, 0)],
    ["min_p", greedy ? undefined : floatText(request.min_p ?? 0)],
    ["seed", request.seed === -1 ? undefined : unless(request.seed ?? null, null)],
    ["stop", JSON.stringify(stops)],
    ["stop_token_ids", JSON.stringify([...new Set(request.stop_token_ids ?? [])])],
    ["ignore_eos", unless(request.ignore_eos ?? false, false)],
    ["max_tokens", unless(maxTokens, DEFAULT_MAX_TOKENS)],
    ["min_tokens", unless(request.min_tokens ?? 0, 0)],
    ["logprobs", unless(beside.logprobs, null)],
    ["prompt_logprobs", unless(beside.promptLogprobs, null)],
    ["logprob_token_ids", unless(request.logprob_token_ids?.length ? request.logprob_token_ids : null, null)],
    ["skip_special_tokens", unless(!beside.keepsSpecial && (request.skip_special_tokens ?? true), true)],
    ["spaces_between_special_tokens", unless(request.spaces_between_special_tokens ?? true, true)],
    ["include_stop_str_in_output", unless(request.include_stop_str_in_output ?? false, false)],
    ["output_kind", String(request.stream === true ? DELTA : FINAL_ONLY)],
    ["stream_interval", unless(request.stream_interval ?? null, null)],
    ["skip_clone", "true"],
    ["output_text_buffer_length", unless(buffered ? Math.max(...stops.map((stop) => stop.length)) - 1 : 0, 0)],
    ["structured_outputs", outputs === undefined ? undefined : JSON.stringify(outputs)],
    ["logit_bias", biasText(request.logit_bias)],
    ["allowed_token_ids", unless(request.allowed_token_ids ?? null, null)],
    ["extra_args", unless(extraArguments(request) ?? (beside.tellsExtras ? {} : null), null)],
    ["bad_words", JSON.stringify([...new Set(request.bad_words ?? [])])],
    ["skip_reading_prefix_cache", String(beside.promptLogprobs !== null)],
    [
      "thinking_token_budget",
      request.thinking_token_budget === -1 ? undefined : unless(request.thinking_token_budget ?? null, null),
    ],
    ["repetition_detection", unless(repetition(request), null)],
    ["routed_experts_prompt_start", unless(request.routed_experts_prompt_start ?? 0, 0)],
  ];
  const shown = fields.flatMap(([name, value]) => (value === undefined ? [] : [`"${name}":${value}`]));
  return `{${shown.join(",")}}`;
}

/** Undefined for the default. */
function unless(value: unknown, byDefault: unknown): string | undefined {
  return value === byDefault ? undefined : jsonText(value);
}

/** JSON with numbers beyond a double's exactness as they were written. */
function jsonText(value: unknown): string {
  if (typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return `[${value.map(jsonText).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([key, item]) => `${JSON.stringify(key)}:${jsonText(item)}`)
    .join(",")}}`;
}

function constraintOf({ structured_outputs: given, response_format: format }: SamplingRequest): object | undefined {
  const kind = format?.type;
  if (kind === "json_object") return fullConstraint({ ...given, json_object: true });
  if (kind === "json_schema") return fullConstraint({ ...given, json: format?.json_schema?.schema });
  if (kind === "structural_tag") return fullConstraint({ ...given, structural_tag: dumpAscii(format) });
  return given === undefined || given === null ? undefined : fullConstraint(given);
}

function biasText(bias: SamplingRequest["logit_bias"]): string | undefined {
  if (bias === undefined || bias === null) return undefined;
  const cut = (value: number) => floatText(Math.min(MOST_BIAS, Math.max(-MOST_BIAS, value)));
  return `{${Object.entries(bias)
    .map(([id, value]) => `"${Number(id.replaceAll("_", ""))}":${cut(value)}`)
    .join(",")}}`;
}

function extraArguments(request: SamplingRequest): object | null {
  const { vllm_xargs: given, kv_transfer_params: kv, ec_transfer_params: ec } = request;
  const all = {
    ...given,
    ...(isEmpty(kv) ? {} : { kv_transfer_params: kv }),
    ...(isEmpty(ec) ? {} : { ec_transfer_params: ec }),
  };
  return isEmpty(all) ? null : all;
}

function isEmpty(value: object | null | undefined): boolean {
  return value === null || value === undefined || Object.keys(value).length === 0;
}

function repetition({ repetition_detection: given }: SamplingRequest): object | null {
  return given === undefined || given === null
    ? null
    : { max_pattern_size: 0, min_pattern_size: 0, min_count: 0, ...given };
}
