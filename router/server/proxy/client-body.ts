/**
 * An answer's bytes on their way to the client: the path of every token.
 *
 * Node writes a chunk in four pieces, which the system has to gather, through a response that knows more than a stream
 * needs; here each chunk is copied once, with its length around it, and leaves in one plain write. What has a length or
 * goes to a client of HTTP/1.0 has no chunks, and takes Node's way.
 */
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";

const LAST_CHUNK = Buffer.from("0\r\n\r\n");

export class ClientBody {
  readonly #response: ServerResponse;
  readonly #isChunked: boolean;
  /** Once the head is on its way there. */
  #socket: Socket | undefined;

  /** The response's head is written, and nothing of its body. */
  constructor(response: ServerResponse) {
    this.#response = response;
    this.#isChunked = response.chunkedEncoding;
    response.chunkedEncoding = false;
  }

  /** @returns whether the client can take more now; if not, `onDrain` runs when it can */
  write(bytes: Buffer, onDrain: () => void): boolean {
    const way = this.#socket ?? this.#response;
    // An empty chunk would end the body; a client that has left takes anything.
    if (bytes.length === 0 || !way.writable) return true;
    const piece = this.#isChunked ? framed(bytes) : bytes;
    const goesOn = way.write(piece);
    if (!goesOn) way.once("drain", onDrain);
    // Node sends the head with the first bytes, and keeps all of an answer whose turn on a pipelined connection is to come.
    if (this.#isChunked && this.#socket === undefined) this.#socket = this.#response.socket ?? undefined;
    return goesOn;
  }

  end(): void {
    if (this.#isChunked) this.#response.end(LAST_CHUNK);
    else this.#response.end();
  }
}

/** As one chunk of the chunked transfer encoding. */
function framed(bytes: Buffer): Buffer {
  const length = bytes.length.toString(16);
  const frame = Buffer.allocUnsafe(length.length + bytes.length + 4);
  let at = frame.write(length, "latin1");
  frame[at++] = 0x0d;
  frame[at++] = 0x0a;
  frame.set(bytes, at);
  at += bytes.length;
  frame[at++] = 0x0d;
  frame[at] = 0x0a;
  return frame;
}
