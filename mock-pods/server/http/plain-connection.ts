/**
 * A connection on which requests are plain, as nearly all are. Node's own HTTP keeps 14 kB for a stream that is open and takes
 * half of a small request's time; here a stream keeps its socket and its answer.
 *
 * At the first request that is not plain the connection becomes Node's, with all that was not answered yet.
 */
import type { Socket } from "node:net";
import { PlainReply } from "./plain-reply.ts";
import { beginsPlainly, readPlainHead, type PlainHead } from "./plain-request.ts";

export interface PlainConnectionOptions {
  /** For how long an idle connection is kept. */
  readonly keepAliveMs: number;
  /** No request is taken as plain now. */
  readonly isRefused: () => boolean;
  /** No connection is kept from now on. */
  readonly isClosing: () => boolean;
  readonly serve: (head: PlainHead, body: Buffer, reply: PlainReply) => void;
  /** An answer is whole, or never will be. */
  readonly ended: (reply: PlainReply) => void;
  readonly closed: (socket: Socket) => void;
  /** Takes the connection; what was read of it is in front again. */
  readonly handOver: (socket: Socket) => void;
}

export class PlainConnection {
  readonly #socket: Socket;
  readonly #options: PlainConnectionOptions;
  /** Read, and not yet answered. */
  #waiting: Buffer | undefined;
  #reply: PlainReply | undefined;

  constructor(socket: Socket, options: PlainConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.on("data", this.#read).on("close", this.#closed).on("error", ignore);
  }

  readonly #read = (bytes: Buffer): void => {
    this.#waiting = this.#waiting === undefined ? bytes : Buffer.concat([this.#waiting, bytes]);
    // The next one's place is behind this one's answer.
    if (this.#reply === undefined) this.#next();
    else this.#socket.pause();
  };

  /** A request's head is read, and its body is still coming. */
  get isReceiving(): boolean {
    return this.#reply === undefined && this.#waiting !== undefined && readPlainHead(this.#waiting) !== undefined;
  }

  readonly #closed = (): void => {
    const reply = this.#reply;
    this.#reply = undefined;
    this.#waiting = undefined;
    this.#options.closed(this.#socket);
    if (reply === undefined) return;
    reply.tellGone();
    this.#options.ended(reply);
  };

  readonly #tooLong = (): void => {
    if (this.#reply === undefined && this.#waiting === undefined) this.#socket.destroy();
  };

  #next(): void {
    const bytes = this.#waiting;
    if (bytes === undefined) return;
    const head = this.#options.isRefused() ? undefined : readPlainHead(bytes);
    if (head === undefined) return this.#handOver(bytes);
    const end = head.headBytes + head.bodyBytes;
    if (bytes.length < end) return;
    // What is no HTTP spoils the request that came with it, too.
    if (bytes.length > end && !beginsPlainly(bytes, end)) return this.#handOver(bytes);
    this.#waiting = bytes.length === end ? undefined : bytes.subarray(end);
    const reply = new PlainReply(this.#socket, this.#answered, this.#options.isClosing());
    this.#reply = reply;
    // A copy: small ones share a block of memory, while each piece that was read is one of its own.
    this.#options.serve(head, Buffer.from(bytes.subarray(head.headBytes, end)), reply);
  }

  readonly #answered = (): void => {
    const reply = this.#reply;
    this.#reply = undefined;
    if (reply !== undefined) this.#options.ended(reply);
    if (this.#socket.listenerCount("timeout") === 0) {
      this.#socket.setTimeout(this.#options.keepAliveMs).on("timeout", this.#tooLong);
    }
    if (this.#waiting === undefined) return;
    this.#socket.resume();
    process.nextTick(() => this.#next());
  };

  #handOver(bytes: Buffer): void {
    const socket = this.#socket;
    this.#waiting = undefined;
    socket.setTimeout(0).off("timeout", this.#tooLong);
    socket.off("data", this.#read).off("close", this.#closed).off("error", ignore);
    socket.pause();
    socket.unshift(bytes);
    this.#options.handOver(socket);
    socket.resume();
  }
}

/** The connection is closed next. */
function ignore(): void {}
