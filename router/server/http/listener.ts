/** An HTTP listener that refuses what is ambiguous on the wire and can be closed without dropping an answer. */
import { createServer, maxHeaderSize, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { OperationalError } from "../../../fixtures/operational-error.ts";
import { errorBody, Refusal } from "../../../fixtures/wire/errors.ts";
import { refuse } from "./refusal.ts";

export interface Listener {
  readonly url: string;
  /** Stops accepting; resolves when every answer under way is complete. */
  drain(): Promise<void>;
  /** Cuts what is left. */
  destroy(): void;
}

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** From a request's first byte to the end of its header section. */
const HEADERS_MS = 60_000;

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  /** Who comes here, for error messages. */
  readonly what: string;
  /** Limit for receiving a request whole, from its first byte to its last: what trickles in holds a connection. */
  readonly receiveMs: number;
}

/** @throws {OperationalError} PORT_IN_USE when the address cannot be bound */
export async function listen(handler: Handler, options: ListenOptions): Promise<Listener> {
  const { receiveMs } = options;
  // llhttp in its strict mode refuses both lengths at once, two lengths, folded headers and NULs (RFC 9112 §6.3, §11.2).
  const server = createServer({
    insecureHTTPParser: false,
    requestTimeout: receiveMs,
    headersTimeout: Math.min(HEADERS_MS, receiveMs),
    connectionsCheckingInterval: Math.min(5000, receiveMs),
    noDelay: true,
    keepAliveTimeout: 75_000,
  });
  server.on("request", (request, response) => {
    if (hostsOf(request.rawHeaders) > 1) return refuse(response, TWO_HOSTS, { connection: "close" });
    request.url = originForm(request.url ?? "/");
    handler(request, response);
  });
  server.on("clientError", answerMalformed);
  await bind(server, options);
  const { address, port, family } = server.address() as AddressInfo;
  return {
    url: `http://${family === "IPv6" ? `[${address}]` : address}:${port}`,
    drain: () => drain(server),
    destroy: () => server.closeAllConnections(),
  };
}

/** What the parser lets pass, and RFC 9112 §3.2 does not: whose request is it? */
const TWO_HOSTS = new Refusal(400, "Bad Request", "The request has more than one Host header.");

function hostsOf(rawHeaders: readonly string[]): number {
  let hosts = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    if (name.length === 4 && name.toLowerCase() === "host") hosts++;
  }
  return hosts;
}

/** A target that names a host as well, as for a proxy, is served by its path (RFC 9112 §3.2.2). */
function originForm(target: string): string {
  if (target.startsWith("/")) return target;
  const absolute = /^https?:\/\/[^/?#]*(.*)$/is.exec(target);
  if (absolute === null) return target;
  const [, path = ""] = absolute;
  return path.startsWith("/") ? path : `/${path}`;
}

/** Node closes the connections that are idle now, but not those that become idle later. */
async function drain(server: Server): Promise<void> {
  const sweep = setInterval(() => server.closeIdleConnections(), 20);
  await new Promise<void>((resolve) => void server.close(() => resolve()));
  clearInterval(sweep);
}

function bind(server: Server, { host, port, what }: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      const reason = cause.code === "EADDRINUSE" ? "it is in use" : cause.message;
      reject(
        new OperationalError("PORT_IN_USE", `cannot listen on ${host}:${port} for ${what}: ${reason}; choose another`, {
          cause,
        }),
      );
    });
    server.listen(port, host, 4096, resolve);
  });
}

const MALFORMED = new Map([
  [
    "HPE_HEADER_OVERFLOW",
    {
      status: 431,
      phrase: "Request Header Fields Too Large",
      message: `The header section is larger than ${maxHeaderSize} bytes.`,
    },
  ],
  [
    "ERR_HTTP_REQUEST_TIMEOUT",
    { status: 408, phrase: "Request Timeout", message: "The request did not arrive in time." },
  ],
]);

function answerMalformed(error: NodeJS.ErrnoException, socket: Socket): void {
  // A reset needs no answer; and once an answer has begun on this socket, words in the middle of it would corrupt it.
  const begun = (socket as Socket & { _httpMessage?: ServerResponse })._httpMessage?.headersSent === true;
  if (error.code === "ECONNRESET" || !socket.writable || begun) {
    socket.destroy();
    return;
  }
  const { status, phrase, message } = MALFORMED.get(error.code ?? "") ?? {
    status: 400,
    phrase: "Bad Request",
    message: `The request is not well-formed HTTP: ${error.message}`,
  };
  const body = JSON.stringify(errorBody(message, phrase, null, status));
  socket.end(
    `HTTP/1.1 ${status} ${phrase}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
