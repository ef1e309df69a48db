/** Ports nobody listens on right now. Another process may take one before the router does: starting is tried again. */
import { createServer } from "node:net";
import { once } from "node:events";
import type { AddressInfo } from "node:net";

/** As many different free ports of 127.0.0.1 as asked for. */
export async function freePorts(count: number): Promise<number[]> {
  // All are held open together, so that no port comes twice.
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return ports;
}
