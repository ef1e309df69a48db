/**
 * A pod on a port: bytes in, {@link Exchange}s out. What the pod answers is the face's business. Headers leave in the order and
 * case in which uvicorn sends them.
 */
import type { AddressInfo, Server, Socket } from "node:net";
import { OperationalError } from "../../../fixtures/operational-error.ts";
import { isControl } from "../../pod/journal.ts";
import type { RequestHook } from "../../pod/pod.ts";
import type { Exchange } from "./exchange.ts";
import { nodeLane } from "./node-lane.ts";
import { PlainConnection, type PlainConnectionOptions } from "./plain-connection.ts";
import { exchangeOf } from "./raw-request.ts";
import type { Recorder } from "./recorder.ts";

const { createServer } = process.getBuiltinModule("node:net");

export interface PodServerOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly recorder: Recorder;
  /** For how long an idle connection is kept. */
  readonly keepAliveMs: number;
  /** Asked after the body was read; true means it answers by itself. */
  readonly hook: RequestHook;
  readonly isHooked: () => boolean;
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

interface Answer {
  readonly socket: Socket;
  readonly isToControl: boolean;
}

/** @throws {OperationalError} PORT_IN_USE */
export async function startPodServer(options: PodServerOptions): Promise<PodServer> {
  const { recorder, keepAliveMs, hook } = options;
  const sockets = new Map<Socket, PlainConnection>();
  /** Those that are not whole yet, by what answers. */
  const open = new Map<object, Answer>();
  let isClosing = false;
  const opened = (target: string, answering: object, socket: Socket) => {
    open.set(answering, { socket, isToControl: isControl(target) });
  };
  const ended = (answering: object) => {
    const answer = open.get(answering);
    open.delete(answering);
    // A kept-alive connection would outlive its last answer.
    if (isClosing) answer?.socket.end();
  };
  let toNode: ((socket: Socket) => void) | undefined;
  const plain: PlainConnectionOptions = {
    keepAliveMs,
    isRefused: options.isHooked,
    isClosing: () => isClosing,
    serve(head, body, reply) {
      opened(head.target, reply, reply.socket);
      const record = recorder.arrived({ method: head.method, path: head.target, headers: head.pairs, body });
      options.answer(exchangeOf({ ...head, body }, record, reply));
    },
    ended,
    closed: (socket) => sockets.delete(socket),
    handOver(socket) {
      socket.on("close", () => sockets.delete(socket));
      toNode ??= nodeLane({
        keepAliveMs,
        recorder,
        hook,
        serve: (request, record, reply) => options.answer(exchangeOf(request, record, reply)),
        opened: (target, response) => opened(target, response, response.req.socket),
        ended,
      });
      toNode(socket);
    },
  };
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.set(socket, new PlainConnection(socket, plain));
  });
  const close = (closed?: () => void) => {
    server.close(closed);
    const busy = new Set(Array.from(open.values(), ({ socket }) => socket));
    for (const [socket, connection] of sockets) if (!busy.has(socket) && !connection.isReceiving) socket.destroy();
  };
  const openAnswers = () => [...open.values()].filter(({ isToControl }) => !isToControl);
  await listen(server, options);
  const { port } = server.address() as AddressInfo;
  return {
    port,
    stopListening: () =>
      new Promise((closed) => {
        isClosing = true;
        close(closed);
      }),
    accept(connections) {
      if (connections === server.listening) return;
      if (connections) server.listen(port, options.host);
      else close();
    },
    silenceOpen: () => openAnswers().forEach(({ socket }) => silence(socket)),
    resetOpen: () => openAnswers().forEach(({ socket }) => socket.resetAndDestroy()),
    crash: () =>
      new Promise((closed) => {
        server.close(() => closed());
        for (const socket of sockets.keys()) socket.resetAndDestroy();
      }),
  };
}

/** All is well, and nothing leaves. Corked, so that nothing is written past it either. */
function silence(socket: Socket): void {
  socket.cork();
  Object.assign(socket, { write: () => true });
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
