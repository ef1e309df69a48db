/** vLLM's development endpoints, there with `VLLM_SERVER_DEV_MODE=1`. */
import { Refusal } from "../../../fixtures/wire/errors.ts";
import { repr } from "../../../fixtures/wire/validation/python-text.ts";
import { readQuery } from "../../../fixtures/wire/validation/request-query.ts";
import { bool, literal, object } from "../../../fixtures/wire/validation/schema.ts";
import { abortRequests } from "./abort-endpoint.ts";
import { weightRoutes } from "./weight-endpoints.ts";
import { empty, json } from "../http/answer.ts";
import type { PodContext } from "../pod-context.ts";
import type { Route } from "../routes.ts";

const interruption = { mode: literal("abort", "wait", "keep") };

const pauseQuery = object("Pause", { ...interruption, clear_cache: bool });
const sleepQuery = object("Sleep", { level: { kind: "int", ge: 0, le: 2 }, ...interruption });
const resetQuery = object("Reset", { reset_running_requests: bool, reset_external: bool });
const infoQuery = object("ServerInfo", { config_format: literal("text", "json") });
const worldQuery = object("WorldSize", { include_dp: bool });

interface Interruption {
  readonly mode?: "abort" | "wait" | "keep";
}

/** By level: at 0 only scheduling stops. */
const SLEEP_LEVELS = ["unscheduled", "weights_offloaded", "discard_all"] as const;

/** What must be awake for the pod to serve. */
const SLEEPERS = ["weights", "kv_cache"];

export function devRoutes(pod: PodContext): Route[] {
  const { state } = pod;
  const { devAnswers } = pod.settings.version.routes;
  const told = (body: object) => (devAnswers === "json" ? json(200, body) : empty(200));
  const post = (path: string, handle: Route["handle"]): Route => ({ methods: ["POST"], path, handle });
  const get = (path: string, handle: Route["handle"]): Route => ({ methods: ["GET"], path, handle });
  return [
    post("/reset_prefix_cache", async ({ query }) => {
      const { reset_running_requests: preempts = false } = readQuery<{ reset_running_requests?: boolean }>(
        resetQuery,
        query,
      );
      const success = await pod.engine.resetPrefixCache(preempts);
      return devAnswers === "empty" ? empty(200) : json(200, { success });
    }),
    post("/reset_mm_cache", () => empty(200)),
    post("/reset_encoder_cache", () => empty(200)),
    post("/sleep", async ({ query }) => {
      const { level = 1, mode } = readQuery<Interruption & { level?: 0 | 1 | 2 }>(sleepQuery, query);
      // Level 0 only stops scheduling.
      await interrupt(pod, mode, level > 0);
      pod.engine.slept("sleep", SLEEP_LEVELS[level], 0);
      state.asleep = level === 0 ? ["scheduling"] : [...SLEEPERS];
      return told({ status: "sleeping", level });
    }),
    post("/wake_up", ({ query }) => {
      const tags = query.getAll("tags");
      state.asleep = tags.length === 0 ? [] : state.asleep.filter((part) => !tags.includes(part));
      const awake = state.asleep.length === 0;
      pod.engine.slept("wake", awake ? "awake" : undefined, 0);
      if (awake) resume(pod);
      return told({ status: awake ? "awake" : "sleeping", tags: tags.length === 0 ? null : tags });
    }),
    // A paused scheduler counts as asleep, too.
    get("/is_sleeping", () => json(200, { is_sleeping: state.paused || state.asleep.length > 0 })),
    post("/pause", async ({ query }) => {
      const { mode, clear_cache: clears = true } = readQuery<Interruption & { clear_cache?: boolean }>(
        pauseQuery,
        query,
      );
      await interrupt(pod, mode, clears);
      return json(200, { status: "paused" });
    }),
    post("/resume", () => {
      resume(pod);
      return json(200, { status: "resumed" });
    }),
    get("/is_paused", () => json(200, { is_paused: state.paused })),
    post("/abort_requests", (exchange) => abortRequests(pod, exchange)),
    get("/server_info", ({ query }) => {
      const { config_format: format } = readQuery<{ config_format?: "text" | "json" }>(infoQuery, query);
      return json(200, serverInfo(pod, format === "json"));
    }),
    get("/get_world_size", ({ query }) => {
      readQuery(worldQuery, query);
      return json(200, { world_size: 1 });
    }),
    post("/release_kv_cache_memory", async () => {
      await releaseCache(pod);
      return json(200, { status: "kv_cache_released" });
    }),
    ...weightRoutes(pod),
  ];
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

/** Running requests are ended, waited for, or left where they are; who waits or comes meanwhile queues. */
async function interrupt(pod: PodContext, mode: Interruption["mode"] = "abort", clears: boolean): Promise<void> {
  pod.state.paused = true;
  if (mode === "wait") await pod.engine.drain();
  await pod.engine.betweenSteps(() => {
    if (mode === "abort") pod.hub.abortAll();
    pod.engine.pause();
    // What runs goes back to the queue then, whatever the documentation says of `keep`.
    if (clears) void pod.engine.resetPrefixCache(true);
  });
}

/** @throws {Refusal} while there is anything that may want the cache */
async function releaseCache(pod: PodContext): Promise<void> {
  const refuse = (what: string): Refusal => {
    const told = `release_kv_cache_memory() requires ${what}`;
    return new Refusal(500, "InternalServerError", `Call to release_kv_cache_memory method failed: ${told}`);
  };
  const { state } = pod;
  if ((!state.paused && state.asleep.length === 0) || pod.hub.openRequests > 0) throw refuse("a completed pause first");
  if (state.asleep.length > 0) throw refuse("all executor memory to be resident");
  await pod.engine.resetPrefixCache(false);
  pod.engine.slept("release_kv_cache_memory", "unscheduled", 0);
  state.asleep = ["kv_cache"];
}

function resume(pod: PodContext): void {
  pod.state.paused = false;
  pod.engine.resume();
}
