/** `--kv-events-config`, vLLM's own JSON. */
import { Type, type Static } from "typebox";
import type { KvEventFormat } from "../../fixtures/wire/kv-events.ts";
import { OperationalError } from "../../fixtures/operational-error.ts";
import { checker, parseJson } from "../../fixtures/schema.ts";
import type { VersionProfile } from "../versions/version-profile.ts";

const Config = Type.Object(
  {
    enable_kv_cache_events: Type.Optional(Type.Boolean()),
    publisher: Type.Optional(Type.Enum(["null", "zmq"])),
    endpoint: Type.Optional(Type.String()),
    replay_endpoint: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    buffer_steps: Type.Optional(Type.Integer({ minimum: 0 })),
    hwm: Type.Optional(Type.Integer({ minimum: 0 })),
    max_queue_size: Type.Optional(Type.Integer({ minimum: 1 })),
    topic: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
);

export interface KvEventsConfig {
  readonly endpoint: string;
  /** vLLM's rule: the publisher binds wildcard, ipc and inproc endpoints, and connects to a named host. */
  readonly binds: boolean;
  readonly replayEndpoint: string | undefined;
  readonly bufferSteps: number;
  readonly highWaterMark: number;
  readonly topic: string;
  readonly format: KvEventFormat;
}

const check = checker(Config);

/**
 * Undefined when events are off.
 *
 * @throws OperationalError FILE_INVALID naming the key that is wrong; USAGE for a version that has no events
 */
export function kvEventsConfig(
  flag: string | number | boolean | undefined,
  { release, engine: { kvEvents: format } }: VersionProfile,
): KvEventsConfig | undefined {
  if (flag === undefined) return undefined;
  const source = "kv-events-config";
  const config: Static<typeof Config> = check(parseJson(String(flag), source), source);
  if (config.enable_kv_cache_events !== true || config.publisher === "null") return undefined;
  if (format === undefined) {
    throw new OperationalError("USAGE", `kv-events-config: vLLM ${release} has no KV events, which came with 0.9`);
  }
  const endpoint = config.endpoint ?? "tcp://*:5557";
  return {
    endpoint,
    binds: isWild(endpoint),
    replayEndpoint: config.replay_endpoint ?? undefined,
    bufferSteps: config.buffer_steps ?? 10_000,
    highWaterMark: config.hwm ?? 100_000,
    topic: config.topic ?? "",
    format,
  };
}

/** Where one pod of a fleet publishes. */
export interface PodPlace {
  readonly name: string;
  /** `host:port` of its HTTP face. */
  readonly address: string;
  readonly host: string;
  /** Its number in the fleet: added to fixed ports, as vLLM adds the data-parallel rank. */
  readonly number: number;
}

/**
 * This pod's own endpoints and topic. `*` is the address the pod listens on; `$(POD_NAME)` and `$(POD_IP)` in the topic
 * stand for what Kubernetes would put there.
 */
export function placed(config: KvEventsConfig, place: PodPlace): KvEventsConfig {
  return {
    ...config,
    endpoint: endpointOf(config.endpoint, place, config.binds),
    // Bound whatever its host is called.
    replayEndpoint: config.replayEndpoint === undefined ? undefined : endpointOf(config.replayEndpoint, place, true),
    topic: config.topic.replaceAll("$(POD_NAME)", place.name).replaceAll("$(POD_IP)", place.address),
  };
}

/** Pods that bind a fixed port need one each; those that connect to a subscriber's go to the same. */
function endpointOf(endpoint: string, { host, number }: PodPlace, binds: boolean): string {
  const match = /^tcp:\/\/(.+):(\d+|\*)$/.exec(endpoint);
  if (match === null) return endpoint;
  const [, where = "", port = ""] = match;
  const own = port === "0" || port === "*" ? "*" : binds ? String(Number(port) + number) : port;
  return `tcp://${where === "*" ? host : where}:${own}`;
}

function isWild(endpoint: string): boolean {
  return /\*|::|^ipc:|^inproc:/.test(endpoint);
}
