/** The router's two listeners: clients' and the operator's. */
import { listen, type Handler, type Listener } from "./listener.ts";

export interface PortOptions {
  /** Address that the data port binds. Default 127.0.0.1, as for the admin port. */
  readonly host?: string;
  /** 0, the default, lets the system choose. */
  readonly port?: number;
  readonly adminHost?: string;
  /** 0, the default, lets the system choose; a data port on loopback then answers `/admin/` as well. */
  readonly adminPort?: number;
  /** Limit for receiving a request whole. Default five minutes. */
  readonly receiveMs?: number;
}

/** @throws {OperationalError} PORT_IN_USE when one cannot be bound; neither is then */
export async function openPorts(
  options: PortOptions,
  handlers: { readonly data: Handler; readonly admin: Handler },
): Promise<{ readonly data: Listener; readonly admin: Listener }> {
  const { host = "127.0.0.1", port = 0, adminHost = "127.0.0.1", adminPort = 0, receiveMs = 300_000 } = options;
  // Whoever reaches a data port on loopback reaches the admin port too: one address then serves both, unless the admin
  // port was given a place of its own.
  const together = adminPort === 0 && isLoopback(host);
  const both: Handler = (request, response) =>
    (request.url?.startsWith("/admin/") === true ? handlers.admin : handlers.data)(request, response);
  const data = await listen(together ? both : handlers.data, { host, port, what: "clients", receiveMs });
  try {
    const admin = await listen(handlers.admin, { host: adminHost, port: adminPort, what: "the admin port", receiveMs });
    return { data, admin };
  } catch (error) {
    await data.drain();
    throw error;
  }
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}
