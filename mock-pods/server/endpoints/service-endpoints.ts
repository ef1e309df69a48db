/** What a pod tells about itself without generating: models, health, version, load. */
import { modelCard, type ModelList } from "../../../fixtures/wire/models.ts";
import { empty, json } from "../http/answer.ts";
import type { PodContext } from "../pod-context.ts";
import { randomHex } from "../random-id.ts";
import type { Route } from "../routes.ts";

export function serviceRoutes(pod: PodContext): Route[] {
  const { settings } = pod;
  return [
    { methods: ["GET"], path: "/v1/models", handle: () => json(200, modelList(pod)) },
    { methods: ["GET"], path: "/health", handle: () => empty(200) },
    ...settings.version.routes.ping.map((methods) => ({ methods, path: "/ping", handle: () => empty(200) })),
    { methods: ["GET"], path: "/version", handle: () => json(200, { version: settings.version.release }) },
    {
      methods: ["GET"],
      path: "/load",
      handle: () => json(200, { server_load: settings.trackLoad ? pod.state.load : 0 }),
    },
    { methods: ["GET"], path: "/kv_event_sources", handle: () => json(200, kvEventSources(pod)) },
  ];
}

/** Base names first, then adapters in the order in which they were loaded. */
function modelList(pod: PodContext): ModelList {
  const { servedNames, modelPath, maxModelLenTokens, version } = pod.settings;
  const createdSeconds = Math.floor(Date.now() / 1000);
  const base = servedNames.map((id) => ({ id, root: modelPath, parent: null, maxModelLenTokens }));
  const adapters = [...pod.models.adapters].map(({ name, path }) => ({
    id: name,
    root: path,
    parent: servedNames[0],
    maxModelLenTokens: null,
  }));
  return {
    object: "list",
    data: [...base, ...adapters].map((facts) =>
      modelCard({ ...facts, createdSeconds, permissionId: randomHex(version.answers.idDigits) }),
    ),
  };
}

/** By data-parallel rank; a pod has one. */
function kvEventSources({ settings: { kvEvents }, publishedAt }: PodContext): object {
  if (kvEvents?.["enable_kv_cache_events"] !== true) return {};
  const bound = publishedAt();
  const defaults = {
    enable_kv_cache_events: true,
    publisher: "zmq",
    endpoint: "tcp://*:5557",
    replay_endpoint: null,
    buffer_steps: 10_000,
    hwm: 100_000,
    max_queue_size: 100_000,
    topic: "",
  };
  const given = { ...defaults, ...kvEvents };
  if (bound === undefined) return { "0": given };
  return { "0": { ...given, endpoint: bound.endpoint, replay_endpoint: bound.replayEndpoint ?? null } };
}
