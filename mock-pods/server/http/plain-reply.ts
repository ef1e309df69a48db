/** Answers a plain request on its socket. */
import type { Socket } from "node:net";
import { ChunkedStream, type Body } from "./chunked-stream.ts";
import type { HeaderPairs, Reply, ReplyStream } from "./exchange.ts";
import { withClose } from "./with-close.ts";

export class PlainReply implements Reply, Body {
  readonly socket: Socket;
  readonly #answered: () => void;
  readonly #closes: boolean;
  /** Not yet written. */
  #head = "";
  #goneAction: (() => void) | undefined;

  /** Calls `answered` when the whole answer is on its way. `closes`: it says that the connection ends behind it. */
  constructor(socket: Socket, answered: () => void, closes: boolean) {
    this.socket = socket;
    this.#answered = answered;
    this.#closes = closes;
  }

  send(status: number, headers: HeaderPairs, body: Uint8Array | string, isLast = false): void {
    if (this.socket.destroyed) return;
    this.#head = this.#headOf(status, headers);
    this.write(body);
    if (isLast) this.socket.end();
    this.#answered();
  }

  open(status: number, headers: HeaderPairs): ReplyStream {
    if (this.socket.writable) this.socket.write(this.#headOf(status, headers), "latin1");
    return new ChunkedStream(this);
  }

  onGone(action: () => void): void {
    const before = this.#goneAction;
    this.#goneAction = before === undefined ? action : () => (before(), action());
  }

  reset(): void {
    // What was written in this turn has still to leave.
    setImmediate(() => this.socket.resetAndDestroy());
  }

  hangUp(): void {
    setImmediate(() => this.socket.destroySoon());
  }

  /** The connection closed before the answer was whole. */
  tellGone(): void {
    this.#goneAction?.();
  }

  write(part: string | Uint8Array): void {
    if (!this.socket.writable) return;
    if (this.#head === "") {
      this.socket.write(part);
      return;
    }
    const head = this.#head;
    this.#head = "";
    // Text without accents is its own bytes: both leave as one.
    if (typeof part === "string" && Buffer.byteLength(part) === part.length) {
      this.socket.write(head + part, "latin1");
      return;
    }
    this.socket.cork();
    this.socket.write(head, "latin1");
    this.socket.write(part);
    this.socket.uncork();
  }

  #headOf(status: number, headers: HeaderPairs): string {
    return headOf(status, this.#closes ? withClose(headers) : headers);
  }

  end(part: string | Uint8Array): void {
    this.write(part);
    this.#answered();
  }
}

/** A header's value is as it came from a client: bytes, a character each. */
function headOf(status: number, headers: HeaderPairs): string {
  let head = `HTTP/1.1 ${status} ${reasons()[status] ?? "unknown"}\r\n`;
  for (const [name, value] of headers) head += `${name}: ${value}\r\n`;
  return `${head}\r\n`;
}

let known: Readonly<Record<number, string | undefined>> | undefined;

/** Node's list of them loads all of its HTTP, which not every fleet needs. */
function reasons(): Readonly<Record<number, string | undefined>> {
  return (known ??= process.getBuiltinModule("node:http").STATUS_CODES);
}
