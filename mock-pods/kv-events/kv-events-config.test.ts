import { expect, it } from "vitest";
import { versionProfile } from "../versions/version-profile.ts";
import { kvEventsConfig, placed } from "./kv-events-config.ts";

function endpoints(endpoint: string, replay: string): readonly (string | undefined)[] {
  const flag = JSON.stringify({ enable_kv_cache_events: true, endpoint, replay_endpoint: replay });
  const config = kvEventsConfig(flag, versionProfile(undefined));
  if (config === undefined) return [];
  const place = { name: "a6000-2", address: "127.0.0.1:8002", host: "127.0.0.1", number: 2 };
  const { endpoint: own, replayEndpoint } = placed(config, place);
  return [own, replayEndpoint];
}

it.each([
  ["tcp://*:5557", "tcp://*:5558", ["tcp://127.0.0.1:5559", "tcp://127.0.0.1:5560"]],
  ["tcp://*:0", "tcp://*:*", ["tcp://127.0.0.1:*", "tcp://127.0.0.1:*"]],
  ["tcp://router:5557", "tcp://127.0.0.1:5558", ["tcp://router:5557", "tcp://127.0.0.1:5560"]],
])("gives a pod a port of its own wherever it binds: %s and %s", (endpoint, replay, own) => {
  expect(endpoints(endpoint, replay)).toEqual(own);
});
