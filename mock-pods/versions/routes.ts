/** Which paths there are, and what the smallest of them say. */
import type { ByVersion } from "./version.ts";

export interface RoutesProfile {
  /** Methods of `/ping`, by route. */
  readonly ping: readonly (readonly ("GET" | "POST")[])[];
  /** Whether `/sleep`, `/wake_up` and, before it could fail, `/reset_prefix_cache` say what they did. */
  readonly devAnswers: "empty" | "reset-only" | "json";
  /** Whether `/render` and its kin answer without `--enable-scale-out`. */
  readonly scaleOut: "absent" | "always" | "by-flag";
  /** Paths that came later. */
  readonly missing: readonly string[];
}

const MISSING_0_28 = [
  "/kv_event_sources",
  "/v1/systemone",
  "/v1/messages/render",
  "/v1/responses/render",
  "/release_kv_cache_memory",
  "/shutdown_weight_transfer_engine",
  "/weight_checker",
];
const MISSING_0_10 = [
  ...MISSING_0_28,
  "/v1/chat/completions/batch",
  "/v1/responses/{response_id}",
  "/v1/responses/{response_id}/cancel",
  "/generative_scoring",
  "/collective_rpc",
  "/init_weight_transfer_engine",
  "/start_weight_update",
  "/start_draft_weight_update",
  "/update_weights",
  "/finish_weight_update",
  "/update_weight_version",
  "/abort_requests",
  "/invocations",
  "/adapters",
  "/adapters/{adapter_name}",
  "/v1/messages",
  "/v1/responses",
  "/v1/messages/count_tokens",
  "/pause",
  "/resume",
  "/is_paused",
  "/reset_mm_cache",
  "/reset_encoder_cache",
  "/get_world_size",
  "/weight_info",
];
const MISSING_0_7 = [
  ...MISSING_0_10,
  "/scale_elastic_ep",
  "/load",
  "/sleep",
  "/wake_up",
  "/is_sleeping",
  "/server_info",
  "/is_scaling_elastic_ep",
];

export const ROUTES: ByVersion<RoutesProfile> = {
  "0.7": { ping: [["POST", "GET"]], devAnswers: "empty", scaleOut: "absent", missing: MISSING_0_7 },
  "0.10": { ping: [["POST"], ["GET"]], devAnswers: "empty", scaleOut: "absent", missing: MISSING_0_10 },
  "0.28": { ping: [["GET"], ["POST"]], devAnswers: "reset-only", scaleOut: "always", missing: MISSING_0_28 },
  "0.32": { ping: [["GET"], ["POST"]], devAnswers: "json", scaleOut: "by-flag", missing: [] },
};
