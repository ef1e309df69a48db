/** Requests in any way HTTP knows, by Node's own parser, and those that a hook may answer with Node's own objects. */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { RequestHook } from "../../pod/pod.ts";
import type { HeaderPairs } from "./exchange.ts";
import { NodeReply } from "./node-reply.ts";
import type { RawRequest } from "./raw-request.ts";
import type { Recorder, RequestRecord } from "./recorder.ts";
import { server as serverHeaders } from "./responder.ts";

export interface NodeLaneOptions {
  readonly keepAliveMs: number;
  readonly recorder: Recorder;
  /** Asked after the body was read; true means it answers by itself. */
  readonly hook: RequestHook;
  readonly serve: (request: RawRequest, record: RequestRecord, reply: NodeReply) => void;
  /** A request's head is read. */
  readonly opened: (target: string, response: ServerResponse) => void;
  /** Its answer is whole, or never will be. */
  readonly ended: (response: ServerResponse) => void;
}

/** Takes connections, with what they read already in front. */
export function nodeLane(options: NodeLaneOptions): (socket: Socket) => void {
  // Not imported: for an import Node reads every export of the module, and one of them loads all of its fetch (25 ms).
  const server = process.getBuiltinModule("node:http").createServer({
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
  const serveOne = (request: IncomingMessage, response: ServerResponse) => {
    const target = request.url ?? "/";
    if (target.length > MAX_TARGET_CHARACTERS) {
      request.socket.end(invalidRequest());
      return;
    }
    options.opened(target, response);
    // Told once anyway: `once` would keep three objects a stream more than `on`.
    response.on("close", () => options.ended(response));
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
  return (socket) => {
    // As those that Node accepts for its HTTP.
    socket.allowHalfOpen = true;
    server.emit("connection", socket);
  };
}

/** uvicorn's parser has no bound of its own. */
const MAX_HEADER_BYTES = 1 << 20;
const MAX_TARGET_CHARACTERS = 0xffff;

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

function receive(options: NodeLaneOptions, request: IncomingMessage, response: ServerResponse): void {
  const parts: Buffer[] = [];
  request.on("data", (part: Buffer) => parts.push(part));
  request.on("end", () => {
    const raw = {
      method: request.method ?? "GET",
      target: request.url ?? "/",
      pairs: pairs(request.rawHeaders),
      headers: headersOf(request),
      // A copy: small ones share a block of memory, while each of Node's parts is one of its own.
      body: Buffer.concat(parts.splice(0)),
    };
    const record = options.recorder.arrived({ ...raw, path: raw.target, headers: raw.pairs });
    const failed = (error: unknown) => response.destroy(error as Error);
    const serveUnlessTaken = (taken: boolean) => {
      // uvicorn reads no body of a request that asks for another protocol, as Java's client does for HTTP/2.
      if (!taken)
        options.serve(asksForUpgrade(request) ? { ...raw, body: NO_BODY } : raw, record, new NodeReply(response));
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

const NO_BODY = new Uint8Array();

/** Node joins what is repeated; Starlette takes the first. */
function headersOf({ headers, rawHeaders }: IncomingMessage): RawRequest["headers"] {
  if (Object.keys(headers).length * 2 === rawHeaders.length) return headers as RawRequest["headers"];
  const first: Record<string, string> = {};
  // From the last to the first, which stays.
  for (const [name, value] of pairs(rawHeaders).toReversed()) first[name.toLowerCase()] = value;
  return first;
}

function asksForUpgrade({ headers: { upgrade, connection } }: IncomingMessage): boolean {
  return upgrade !== undefined && upgrade.toLowerCase() !== "websocket" && /\bupgrade\b/i.test(connection ?? "");
}

function pairs(raw: readonly string[]): HeaderPairs {
  return Array.from({ length: raw.length / 2 }, (_, index) => [raw[2 * index] as string, raw[2 * index + 1] as string]);
}
