import { setTimeout as sleep } from "node:timers/promises";
import { OperationalError } from "../../fixtures/operational-error.ts";
import { RealClock } from "../../fixtures/clock.ts";
import { openAdapter } from "../adapters/open-adapter.ts";
import type { LiveRouter } from "./play-live.ts";

/**
 * Any router that an adapter file describes, for a live replay. It is given the time to settle that its adapter claims.
 *
 * @throws {OperationalError} as `openAdapter`; USAGE for a router that a replay cannot ask
 */
export async function adapterRouter(path: string): Promise<LiveRouter> {
  const adapter = await openAdapter(path);
  const { paths = ["/v1/completions"], headers = {} } = adapter.requests ?? {};
  if (!paths.includes("/v1/completions") || adapter.podsListen !== undefined) {
    throw new OperationalError(
      "USAGE",
      `${path}: a replay needs a router that it can start and ask by /v1/completions`,
    );
  }
  return {
    name: `${adapter.name} ${adapter.version}`,
    async start(pods, seed) {
      const router = await adapter.start({ pods, seed, clock: new RealClock() });
      if (router.kind === "function") throw new Error("an adapter file never makes a function router");
      await sleep(router.settlesInMs?.() ?? 0);
      return { url: router.url, headers, close: router.close };
    },
  };
}
