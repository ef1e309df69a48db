/**
 * A pod on a port: bytes in, {@link Exchange}s out. It reads the body, tells the journal, asks the hook, and hands over;
 * what the pod answers is the face's business. Headers leave in the order and case in which uvicorn sends them.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { OperationalError } from "../../../fixtures/operational-error.ts";
import { isControl } from "../../pod/journal.ts";
import type { RequestHook } from "../../pod/pod.ts";
import type { Exchange } from "./exchange.ts";
import { NodeReply } from "./node-reply.ts";
import type { Recorder, RequestRecord } from "./recorder.ts";
import { server as serverHeaders } from "./responder.ts";

/** Not imported: for an import Node reads every export of the module, and one of them loads all of its fetch (25 ms). */
const { createServer } = process.getBuiltinModule("node:http");

export interface PodServerOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly recorder: Recorder;
  /** For how long an idle connection is kept. */
  readonly keepAliveMs: number;
  /** Asked after the body was read; true means it answers by itself. */
  readonly hook: RequestHook;
  readonly answer: (exchange: Exchange) => void;
}

export interface PodServer {
  readonly port: number;
  /** No new connections; open ones live on until their answers are whole. Resolves when the last is gone. */
  stopListening(): Promise<void>;
  /** Closes the port, or opens it again; open connections live on. */
  accept(connections: boolean): void;
  /** What is not yet answered never will be, though the connections stay. */
  silenceOpen(): void;
  /** Resets the connections of all requests that are not answered yet, but for those to the pod's controls. */
  resetOpen(): void;
  /** Closes the port and resets every open connection, as a killed process does. */
  crash(): Promise<void>;
}

/** @throws {OperationalError} PORT_IN_USE */
export async function startPodServer(options: PodServerOptions): Promise<PodServer> {
  const server = createServer({
    noDelay: true,
    keepAlive: false,
    insecureHTTPParser: false,
    requireHostHeader: false,
    maxHeaderSize: MAX_HEADER_BYTES,
  });
  // uvicorn closes an idle connection on time; Node would add a second of grace.
  server.keepAliveTimeout = options.keepAliveMs;
  server.keepAliveTimeoutBuffer = 0;
  server.requestTimeout = 0;
  server.headersTimeout = 0;
  const open = new Set<ServerResponse>();
  const serveOne = (request: IncomingMessage, response: ServerResponse) => {
    if ((request.url ?? "").length > MAX_TARGET_CHARACTERS) {
      request.socket.end(invalidRequest());
      return;
    }
    if (!isControl(request.url ?? "")) open.add(response);
    // Told once anyway: `once` would keep three objects a stream more than `on`.
    response.on("close", () => open.delete(response));
    receive(options, request, response);
  };
  server.on("request", serveOne);
  // uvicorn asks for a body when somebody reads it, and takes no notice of other expectations.
  server.on("checkContinue", (request: IncomingMessage, response: ServerResponse) => {
    if (request.method !== "GET" && request.method !== "HEAD") response.writeContinue();
    serveOne(request, response);
  });
  server.on("checkExpectation", serveOne);
  server.on("connect", (_request, socket) => socket.end(invalidRequest()));
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    // Who stops in the middle of a body has left.
    if (socket.writable && error.code !== "HPE_INVALID_EOF_STATE") socket.end(invalidRequest());
    else socket.destroy();
  });
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await listen(server, options);
  const { port } = server.address() as AddressInfo;
  return {
    port,
    stopListening: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeIdleConnections();
        // A kept-alive connection would outlive its last answer.
        for (const response of open) response.once("finish", () => response.req.socket.end());
      }),
    accept(connections) {
      if (connections === server.listening) return;
      if (connections) server.listen(port, options.host);
      else server.close();
    },
    silenceOpen: () => open.forEach(({ socket }) => socket !== null && silence(socket)),
    resetOpen: () => open.forEach((response) => response.socket?.resetAndDestroy()),
    crash: () =>
      new Promise((closed) => {
        server.close(() => closed());
        for (const socket of sockets) socket.resetAndDestroy();
      }),
  };
}

/** uvicorn's parser has no bound of its own. */
const MAX_HEADER_BYTES = 1 << 20;
const MAX_TARGET_CHARACTERS = 0xffff;

/** All is well, and nothing leaves. Corked, so that nothing is written past it either. */
function silence(socket: Socket): void {
  socket.cork();
  Object.assign(socket, { write: () => true });
}

/** What uvicorn says to bytes that are not HTTP. */
function invalidRequest(): string {
  const text = "Invalid HTTP request received.";
  const headers = [
    ...serverHeaders(),
    ["content-type", "text/plain; charset=utf-8"],
    ["content-length", String(text.length)],
    ["connection", "close"],
  ];
  return `HTTP/1.1 400 Bad Request\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n${text}`;
}

function listen(server: Server, { host, port }: PodServerOptions): Promise<void> {
  return new Promise((listening, failed) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      failed(
        cause.code === "EADDRINUSE"
          ? new OperationalError("PORT_IN_USE", `port ${port} on ${host} is in use; choose another with --base-port`, {
              cause,
            })
          : cause,
      );
    });
    server.listen(port, host, listening);
  });
}

function receive(options: PodServerOptions, request: IncomingMessage, response: ServerResponse): void {
  const parts: Buffer[] = [];
  request.on("data", (part: Buffer) => parts.push(part));
  request.on("end", () => {
    // A copy: small ones share a block of memory, while each of Node's parts is one of its own.
    const body = Buffer.concat(parts.splice(0));
    const record = options.recorder.arrived({
      method: request.method ?? "GET",
      path: request.url ?? "/",
      headers: pairs(request.rawHeaders),
      body,
    });
    const failed = (error: unknown) => response.destroy(error as Error);
    const serveUnlessTaken = (taken: boolean) => {
      if (!taken) serve(options, request, response, body, record);
    };
    try {
      const taken = options.hook(record.entry, request, response);
      // Mostly there is no hook, and no promise to wait for.
      if (typeof taken === "boolean") serveUnlessTaken(taken);
      else void taken.then(serveUnlessTaken).catch(failed);
    } catch (error) {
      failed(error);
    }
  });
}

function serve(
  options: PodServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
  body: Uint8Array,
  record: RequestRecord,
): void {
  const [target = "/"] = (request.url ?? "/").split("#", 1);
  const url = target.startsWith("/") ? target : target.replace(/^https?:\/\/[^/?]*/i, "");
  const queryStart = url.indexOf("?");
  const search = queryStart < 0 ? "" : url.slice(queryStart);
  options.answer({
    method: request.method ?? "GET",
    path: decodePath(queryStart < 0 ? url : url.slice(0, queryStart)),
    query: queryStart < 0 ? NO_QUERY : new URLSearchParams(search),
    search,
    headers: headersOf(request),
    // uvicorn reads no body of a request that asks for another protocol, as Java's client does for HTTP/2.
    body: asksForUpgrade(request) ? NO_BODY : body,
    record,
    reply: new NodeReply(response),
  });
}

const NO_QUERY = new URLSearchParams();
const NO_BODY = new Uint8Array();

/** Node joins what is repeated; Starlette takes the first, and knows its own address without a `host`. */
function headersOf({ headers, rawHeaders, socket }: IncomingMessage): Record<string, string | undefined> {
  if (headers.host !== undefined && Object.keys(headers).length * 2 === rawHeaders.length) {
    return headers as Record<string, string | undefined>;
  }
  const first: Record<string, string | undefined> = { host: `${socket.localAddress}:${socket.localPort}` };
  // From the last to the first, which stays.
  for (const [name, value] of pairs(rawHeaders).toReversed()) first[name.toLowerCase()] = value;
  return first;
}

function asksForUpgrade({ headers: { upgrade, connection } }: IncomingMessage): boolean {
  return upgrade !== undefined && upgrade.toLowerCase() !== "websocket" && /\bupgrade\b/i.test(connection ?? "");
}

function decodePath(path: string): string {
  if (!path.includes("%")) return path;
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

type Pair = readonly [name: string, value: string];

/** Of the request before. */
let lastPairs: readonly Pair[] = [];

/** Clients repeat themselves, and a journal keeps many requests: what is as in the request before is the same object. */
function pairs(raw: readonly string[]): readonly Pair[] {
  const before = lastPairs;
  let isNew = raw.length !== 2 * before.length;
  const list = Array.from({ length: raw.length / 2 }, (_, index): Pair => {
    const [name, value] = [raw[2 * index] as string, raw[2 * index + 1] as string];
    const known = before[index];
    if (known !== undefined && known[0] === name && known[1] === value) return known;
    isNew = true;
    return [name, value];
  });
  return isNew ? (lastPairs = list) : before;
}
