/** What vLLM's own flags and environment say about the HTTP face. Flags that shape the engine are read elsewhere. */
import { Type } from "typebox";
import { OperationalError } from "../../fixtures/operational-error.ts";
import { checker, parseJson } from "../../fixtures/schema.ts";
import { wholeFlag } from "../arguments/flag-values.ts";
import type { PodSettings } from "../arguments/pod-settings.ts";
import { fingerprint } from "./fingerprint.ts";
import { versionProfile, type VersionProfile } from "../versions/version-profile.ts";

export interface ServeSettings {
  readonly version: VersionProfile;
  /** As given to `--model`: the `root` of the model card. */
  readonly modelPath: string;
  /** The first is the name answers carry. */
  readonly servedNames: readonly [string, ...string[]];
  readonly maxModelLenTokens: number;
  readonly maxNumSeqs: number;
  readonly blockTokens: number;
  readonly prefixCaching: boolean;
  readonly maxLogprobs: number;
  readonly apiKeys: readonly string[];
  readonly allowedOrigins: readonly string[];
  readonly requestIdHeaders: boolean;
  readonly promptTokensDetails: boolean;
  readonly forceIncludeUsage: boolean;
  readonly perRequestMetrics: boolean;
  readonly tokensAsIds: boolean;
  readonly streamIntervalTokens: number;
  readonly trackLoad: boolean;
  readonly scaleOut: boolean;
  readonly autoToolChoice: boolean;
  readonly toolParser: string | undefined;
  readonly trustChatTemplate: boolean;
  readonly lora: boolean;
  /** `name=path` of `--lora-modules`. */
  readonly loraModules: readonly (readonly [name: string, path: string])[];
  readonly runtimeLora: boolean;
  readonly refusesPriorities: boolean;
  readonly devMode: boolean;
  readonly tokenizerInfo: boolean;
  /** `/docs`, `/redoc` and `/openapi.json` are served. */
  readonly docs: boolean;
  readonly maxQueuedRequests: number | undefined;
  readonly maxQueuedTokens: number | undefined;
  readonly shutdownTimeoutMs: number;
  readonly kvEvents: Readonly<Record<string, unknown>> | undefined;
  /** Null in versions that have none. */
  readonly systemFingerprint: string | null;
}

const checkLoraModule = checker(Type.Object({ name: Type.String(), path: Type.String() }));

const read = new WeakMap<PodSettings, ServeSettings>();

/** The same for the same settings, which many pods share. */
export function serveSettings(settings: PodSettings): ServeSettings {
  let serve = read.get(settings);
  if (serve === undefined) read.set(settings, (serve = readSettings(settings)));
  return serve;
}

function readSettings({ flags, environment, engine, models, modelPath }: PodSettings): ServeSettings {
  const version = versionProfile(flags["vllm-version"]);
  const on = (name: string) => flags[name] === true || flags[name] === "true";
  const number = (name: string, least: number) => wholeFlag(flags, name, least);
  const text = (name: string) => (flags[name] === undefined ? undefined : String(flags[name]));
  const enabled = (name: string) => ["1", "true"].includes((environment[name] ?? "").toLowerCase());
  return {
    version,
    modelPath,
    servedNames: models,
    maxModelLenTokens: engine.maxModelLen,
    maxNumSeqs: engine.maxNumSeqs,
    blockTokens: engine.blockSize,
    prefixCaching: engine.prefixCaching,
    maxLogprobs: number("max-logprobs", -1) ?? 20,
    apiKeys: words(text("api-key") ?? environment["VLLM_API_KEY"]),
    allowedOrigins: jsonList(text("allowed-origins") ?? (version.cors.origins === "all" ? '["*"]' : undefined)),
    requestIdHeaders: on("enable-request-id-headers"),
    promptTokensDetails: on("enable-prompt-tokens-details"),
    forceIncludeUsage: on("enable-force-include-usage"),
    perRequestMetrics: on("enable-per-request-metrics"),
    tokensAsIds: on("return-tokens-as-token-ids"),
    streamIntervalTokens: number("stream-interval", 1) ?? 1,
    trackLoad: on("enable-server-load-tracking"),
    scaleOut: on("enable-scale-out") || version.routes.scaleOut === "always",
    autoToolChoice: on("enable-auto-tool-choice"),
    toolParser: text("tool-call-parser"),
    trustChatTemplate: on("trust-request-chat-template") || version.prompts.trustsRequests,
    lora: on("enable-lora"),
    loraModules: (text("lora-modules")?.match(/\{[^}]*\}|\S+/g) ?? []).map(loraModule),
    runtimeLora: enabled("VLLM_ALLOW_RUNTIME_LORA_UPDATING"),
    refusesPriorities: version.sampling.refusesPriorities && engine.policy !== "priority",
    devMode: enabled("VLLM_SERVER_DEV_MODE"),
    tokenizerInfo: on("enable-tokenizer-info-endpoint"),
    docs: !on("disable-fastapi-docs"),
    maxQueuedRequests: version.engine.queueCaps ? number("max-num-queued-reqs", 1) : undefined,
    maxQueuedTokens: version.engine.queueCaps ? number("max-num-queued-tokens", 1) : undefined,
    shutdownTimeoutMs: (number("shutdown-timeout", 0) ?? 0) * 1000,
    kvEvents: jsonObject(text("kv-events-config")),
    systemFingerprint: version.answers.fingerprint
      ? `vllm-${version.release}-${fingerprint(JSON.stringify([flags, engine, models]))}`
      : null,
  };
}

function words(text: string | undefined): string[] {
  return (text ?? "").split(/\s+/).filter((word) => word !== "");
}

/** `name=path`, or JSON with `name` and `path`. */
function loraModule(text: string): [name: string, path: string] {
  if (text.startsWith("{")) {
    const { name, path } = checkLoraModule(parseJson(text, "lora-modules"), "lora-modules");
    return [name, path];
  }
  const at = text.indexOf("=");
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new OperationalError("USAGE", `lora-modules "${text}"; give name=path, or JSON with name and path`);
}

/** vLLM reads JSON here; a bare word is taken as the only entry. */
function jsonList(text: string | undefined): string[] {
  if (text === undefined) return [];
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value.map(String) : [String(value)];
  } catch {
    return words(text);
  }
}

function jsonObject(text: string | undefined): Record<string, unknown> | undefined {
  return text === undefined ? undefined : (JSON.parse(text) as Record<string, unknown>);
}
