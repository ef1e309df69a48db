/** The pods that a session begins with: fresh ones on free ports, or on the addresses that a running router points at. */
import { OperationalError } from "../../fixtures/operational-error.ts";
import { startFleet } from "../../mock-pods/fleet/fleet.ts";
import type { Fleet } from "../../mock-pods/pod/pod.ts";
import type { RouterAdapter } from "../adapters/router-under-test.ts";
import { DEFAULT_PODS } from "../case.ts";
import { CLEARS_ON_REQUEST } from "./pod-caches.ts";

/** Pods answer as fast as they can: which pod is chosen does not depend on how long a token takes. */
const POD_SPEED = 1_000;
/** A pod that closes idle connections races with a router that uses them again, and a right one can lose. */
const ENVIRONMENT = { ...process.env, VLLM_HTTP_TIMEOUT_KEEP_ALIVE: "3600" };
const PUBLISHES = {
  "kv-events-config": JSON.stringify({
    enable_kv_cache_events: true,
    endpoint: "tcp://*:0",
    replay_endpoint: "tcp://*:0",
  }),
} as const;

/** Each serves all of these models. @throws {OperationalError} when an address is taken */
export async function startPods(adapter: RouterAdapter, models: readonly string[]): Promise<Fleet> {
  const events = adapter.kvEvents === undefined ? {} : PUBLISHES;
  const flags = { ...events, ...adapter.podFlags, "served-model-name": models.join(" ") };
  const addresses = adapter.podsListen?.map((address) => new URL(`http://${address}`));
  const [first, ...others] = addresses ?? [];
  if (first === undefined) {
    const host = adapter.podsHost?.bind;
    return startFleet({
      pods: `a6000:${DEFAULT_PODS}`,
      speed: POD_SPEED,
      flags,
      environment: { ...ENVIRONMENT, ...(adapter.kvEvents === undefined ? {} : CLEARS_ON_REQUEST) },
      ...(host === undefined ? {} : { host }),
    });
  }
  const stranger = others.find(({ hostname }) => hostname !== first.hostname);
  if (stranger !== undefined) {
    throw new OperationalError(
      "USAGE",
      `pods must listen on one host, but ${stranger.hostname} and ${first.hostname} are two`,
    );
  }
  const address = { host: first.hostname, basePort: Number(first.port) };
  const fixed = { pods: "a6000:1", speed: POD_SPEED, flags, environment: ENVIRONMENT, ...address };
  const fleet = await startFleet(fixed).catch(explainTaken);
  try {
    for (const { port } of others) await fleet.add({ port: Number(port) });
    return fleet;
  } catch (error) {
    await fleet.close();
    return explainTaken(error);
  }
}

/** The advice of the fleet's own message is for who chose the port; here the router's author did. */
function explainTaken(error: unknown): never {
  if (!(error instanceof OperationalError) || error.code !== "PORT_IN_USE") throw error;
  const [what] = error.message.split(";");
  const message = `${what}; the kit's pods must bind it, for the router points at it: end what listens there`;
  throw new OperationalError("PORT_IN_USE", message, { cause: error });
}
