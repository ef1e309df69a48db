/** A listener, where pods listen, that no router was told about: whatever reaches it was steered there. */
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { AddressInfo } from "node:net";
import type { PodsHost } from "../adapters/router-under-test.ts";
import type { Stranger } from "./http-facilities.ts";

export async function openStranger(podsHost?: PodsHost): Promise<Stranger> {
  let hits = 0;
  const first = Promise.withResolvers<void>();
  const server = createServer((_request, response) => {
    hits++;
    first.resolve();
    response.writeHead(200, { "content-type": "application/json" });
    response.end('{"choices":[]}');
  });
  await new Promise<void>((resolve) => server.listen(0, podsHost?.bind ?? "127.0.0.1", resolve));
  return {
    address: `${podsHost?.seenAs ?? "127.0.0.1"}:${(server.address() as AddressInfo).port}`,
    hits: () => hits,
    hit: (timeoutMs) => Promise.race([first.promise, sleep(timeoutMs, undefined, { ref: false })]),
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
