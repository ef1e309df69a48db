/** The keys of a whole answer, as far as a version has them. */
import type { VersionProfile } from "../arguments/version-profile.ts";

/** What answers did not have yet in 0.7 and 0.10. */
const LATER_KEYS = new Set([
  "service_tier",
  "system_fingerprint",
  "completion_tokens_details",
  "kv_transfer_params",
  "ec_transfer_params",
  "metrics",
  "token_ids",
  "prompt_token_ids",
  "prompt_text",
  "routed_experts",
  "created_cache_tokens",
  "multimodal_tokens",
  "refusal",
  "annotations",
  "audio",
  "function_call",
  "reasoning",
]);

export function ofVersion({ answerKeys }: VersionProfile, body: object): object {
  return answerKeys === "now" ? body : (withoutLater(body) as object);
}

function withoutLater(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutLater);
  if (value === null || typeof value !== "object") return value;
  const kept = Object.entries(value).filter(([key]) => !LATER_KEYS.has(key));
  const old = kept.map(([key, item]) => [key, withoutLater(item)] as const);
  // A message had its tool calls and its reasoning spelled out, empty or not.
  const isMessage = "role" in value && "content" in value;
  return Object.fromEntries(
    isMessage ? ([old[0], ["reasoning_content", null], old[1], ["tool_calls", []]] as never) : old,
  );
}
