/** vLLM's development endpoints, there with `VLLM_SERVER_DEV_MODE=1`. */
import { repr } from "../../../fixtures/wire/validation/python-text.ts";
import { bodyReader } from "../../../fixtures/wire/validation/request-body.ts";
import { list, object, required, string } from "../../../fixtures/wire/validation/schema.ts";
import { empty, json, type Answer } from "../answer.ts";
import type { PodContext } from "../pod-context.ts";
import type { Exchange } from "../exchange.ts";
import type { Route } from "../routes.ts";

const abortBody = bodyReader<{ readonly request_ids: readonly string[] }>(
  object("AbortRequestsRequest", { request_ids: required(list(string)) }),
  [],
);

export function devRoutes(pod: PodContext): Route[] {
  const { state } = pod;
  const { devAnswers } = pod.settings.version;
  const told = (body: object) => (devAnswers === "json" ? json(200, body) : empty(200));
  const post = (path: string, handle: Route["handle"]): Route => ({ methods: ["POST"], path, handle });
  const get = (path: string, handle: Route["handle"]): Route => ({ methods: ["GET"], path, handle });
  return [
    post("/reset_prefix_cache", (exchange) => {
      const success = pod.engine.resetPrefixCache(flag(exchange, "reset_running_requests"));
      return devAnswers === "empty" ? empty(200) : json(200, { success });
    }),
    post("/reset_mm_cache", () => empty(200)),
    post("/reset_encoder_cache", () => empty(200)),
    post("/sleep", ({ query }) => {
      const level = Number(query.get("level") ?? 1);
      if ((query.get("mode") ?? "abort") === "abort") pod.hub.abortAll();
      pod.engine.slept(level === 1 || level === 2 ? level : 0, 0);
      state.sleepLevel = level;
      state.paused = true;
      pod.engine.pause();
      pod.engine.resetPrefixCache(true);
      return told({ status: "sleeping", level });
    }),
    post("/wake_up", ({ query }) => {
      const tags = query.getAll("tags");
      pod.engine.slept(0, 0);
      state.sleepLevel = 0;
      resume(pod);
      return told({ status: "awake", tags: tags.length === 0 ? null : tags });
    }),
    // A paused scheduler counts as asleep, too.
    get("/is_sleeping", () => json(200, { is_sleeping: state.paused || state.sleepLevel > 0 })),
    post("/pause", ({ query }) => {
      if ((query.get("mode") ?? "abort") === "abort") pod.hub.abortAll();
      state.paused = true;
      pod.engine.pause();
      if (query.get("clear_cache") !== "false") pod.engine.resetPrefixCache(false);
      return json(200, { status: "paused" });
    }),
    post("/resume", () => {
      resume(pod);
      return json(200, { status: "resumed" });
    }),
    get("/is_paused", () => json(200, { is_paused: state.paused })),
    post("/abort_requests", abortRequests),
    get("/server_info", ({ query }) => json(200, serverInfo(pod, query.get("config_format") === "json"))),
  ];
}

/** Counts the ids it was given, known or not: inside the engine requests have names that no client knows (0.32). */
export function abortRequests({ body, headers }: Exchange): Answer {
  const { request_ids: ids } = abortBody.read(body, headers["content-type"]);
  return json(200, { status: "aborted", aborted: ids.length });
}

/** The configuration as text, or as JSON; of vLLM's many keys those that a pod has. */
function serverInfo({ settings }: PodContext, asJson: boolean): object {
  const config = {
    model: settings.modelPath,
    served_model_name: settings.servedNames,
    max_model_len: settings.maxModelLenTokens,
    block_size: settings.blockTokens,
    enable_prefix_caching: settings.prefixCaching,
    max_logprobs: settings.maxLogprobs,
  };
  const text = Object.entries(config).map(([name, value]) => `${name}=${repr(value)}`);
  return {
    vllm_config: asJson ? config : text.join(", "),
    vllm_env: { VLLM_SERVER_DEV_MODE: true, VLLM_ALLOW_RUNTIME_LORA_UPDATING: settings.runtimeLora },
    system_env: { vllm_version: settings.version.release },
  };
}

function resume(pod: PodContext): void {
  pod.state.paused = false;
  pod.engine.resume();
}

function flag({ query }: Exchange, name: string): boolean {
  return ["1", "true", "t", "yes", "y", "on"].includes((query.get(name) ?? "").toLowerCase());
}
