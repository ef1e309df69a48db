/** A pod as the router is told of it. */
import type { Pod } from "../../mock-pods/pod/pod.ts";
import type { PodAddress } from "../adapters/router-under-test.ts";

/** `url` is the pod's at the host by which the router knows it. */
export function addressOf({ name, profile: gpu, kvEvents }: Pod, url: string, models: readonly string[]): PodAddress {
  const plain = { name, url, gpu, models };
  if (kvEvents === undefined) return plain;
  const { hostname } = new URL(url);
  const { endpoint, replayEndpoint = "" } = kvEvents;
  return { ...plain, kvEvents: { endpoint: at(hostname, endpoint), replayEndpoint: at(hostname, replayEndpoint) } };
}

const at = (hostname: string, endpoint: string): string => endpoint.replace(/^tcp:\/\/.*:/, `tcp://${hostname}:`);
