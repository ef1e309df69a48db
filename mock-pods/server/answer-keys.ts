/** The keys of a whole answer, as far as a version has them. */
import type { AnswersProfile } from "../versions/answers.ts";

/** What answers did not have yet in 0.10. */
const SINCE_0_11 = [
  "completion_tokens_details",
  "ec_transfer_params",
  "metrics",
  "token_ids",
  "prompt_token_ids",
  "prompt_text",
  "routed_experts",
  "created_cache_tokens",
  "multimodal_tokens",
  "reasoning",
];

/** Nor in 0.7. */
const SINCE_0_8 = [
  "service_tier",
  "system_fingerprint",
  "kv_transfer_params",
  "refusal",
  "annotations",
  "audio",
  "function_call",
];

const LATER_KEYS = {
  "0.7": new Set([...SINCE_0_11, ...SINCE_0_8]),
  "0.10": new Set(SINCE_0_11),
};

export function ofVersion({ keys }: AnswersProfile, body: object): object {
  return keys === "now" ? body : (withoutLater(body, keys) as object);
}

function withoutLater(value: unknown, answerKeys: keyof typeof LATER_KEYS): unknown {
  if (Array.isArray(value)) return value.map((item) => withoutLater(item, answerKeys));
  if (value === null || typeof value !== "object") return value;
  const kept = Object.entries(value)
    .filter(([key]) => !LATER_KEYS[answerKeys].has(key))
    .map(([key, item]) => [key, withoutLater(item, answerKeys)] as const);
  const isMessage = "role" in value && "content" in value;
  return isMessage ? spelledOut(Object.fromEntries(kept), answerKeys) : Object.fromEntries(kept);
}

/** A message had its tool calls and its reasoning spelled out, empty or not. */
function spelledOut(message: Readonly<Record<string, unknown>>, answerKeys: keyof typeof LATER_KEYS): object {
  const { role, content, tool_calls: calls = [], ...others } = message;
  return answerKeys === "0.7"
    ? { role, reasoning_content: null, content, tool_calls: calls }
    : { role, content, ...others, tool_calls: calls, reasoning_content: null };
}
