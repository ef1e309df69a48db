/**
 * Sampling parameters as `/render` shows them: msgspec leaves out what *is* its default, which spares small integers,
 * booleans and None, but neither floats nor lists.
 */
import type { SamplingRequest } from "../../fixtures/wire/sampling-request.ts";
import { floatText } from "../../fixtures/wire/validation/python-text.ts";
import { stopStrings } from "./sampling-rules.ts";

/** Of `RequestOutputKind`. */
const DELTA = 1;
const FINAL_ONLY = 2;
const DEFAULT_MAX_TOKENS = 16;
/** Below it vLLM raises the temperature to it, zero apart. */
const LEAST_TEMPERATURE = 0.01;

export function renderedSampling(request: SamplingRequest, maxTokens: number): string {
  const temperature = request.temperature ?? 1;
  const greedy = temperature < 1e-5;
  const stops = stopStrings(request);
  const buffered = stops.length > 0 && request.include_stop_str_in_output !== true;
  const fields: [string, string | undefined][] = [
    ["n", unless(request.n ?? 1, 1)],
    ["presence_penalty", floatText(request.presence_penalty ?? 0)],
    ["frequency_penalty", floatText(request.frequency_penalty ?? 0)],
    ["repetition_penalty", floatText(request.repetition_penalty ?? 1)],
    ["temperature", floatText(temperature > 0 ? Math.max(temperature, LEAST_TEMPERATURE) : temperature)],
    ["top_p", floatText(greedy ? 1 : (request.top_p ?? 1))],
    ["top_k", unless(greedy ? 0 : (request.top_k ?? 0), 0)],
    ["min_p", floatText(greedy ? 0 : (request.min_p ?? 0))],
    ["seed", unless(request.seed === -1 ? null : (request.seed ?? null), null)],
    ["stop", JSON.stringify(stops)],
    ["stop_token_ids", JSON.stringify([...new Set(request.stop_token_ids ?? [])])],
    ["ignore_eos", unless(request.ignore_eos ?? false, false)],
    ["max_tokens", unless(maxTokens, DEFAULT_MAX_TOKENS)],
    ["min_tokens", unless(request.min_tokens ?? 0, 0)],
    ["skip_special_tokens", unless(request.skip_special_tokens ?? true, true)],
    ["include_stop_str_in_output", unless(request.include_stop_str_in_output ?? false, false)],
    ["output_kind", String(request.stream === true ? DELTA : FINAL_ONLY)],
    ["stream_interval", unless(request.stream_interval ?? null, null)],
    ["skip_clone", "true"],
    ["output_text_buffer_length", unless(buffered ? Math.max(...stops.map((stop) => stop.length)) - 1 : 0, 0)],
    ["allowed_token_ids", unless(request.allowed_token_ids ?? null, null)],
    ["bad_words", JSON.stringify([...new Set(request.bad_words ?? [])])],
    ["skip_reading_prefix_cache", String((request.prompt_logprobs ?? null) !== null)],
  ];
  const shown = fields.flatMap(([name, value]) => (value === undefined ? [] : [`"${name}":${value}`]));
  return `{${shown.join(",")}}`;
}

function unless(value: unknown, byDefault: unknown): string | undefined {
  return value === byDefault ? undefined : JSON.stringify(value);
}
