/**
 * Writes to a socket at once, past Node's stream: that makes half a kilobyte of garbage of a write and takes three times as long
 * as what it adds to the system's own.
 *
 * Only where the stream has nothing to write itself, which keeps the order. What the system does not take goes the stream's
 * way: it waits for slow readers, and tells of broken connections.
 */
import type { Socket } from "node:net";

const { writeSync } = process.getBuiltinModule("node:fs");

/** Of a connected socket; -1 where Node shows none, as on Windows. It is another's as soon as the socket is destroyed. */
export function descriptorOf(socket: Socket): number {
  return (socket as { readonly _handle?: { readonly fd?: number } })._handle?.fd ?? -1;
}

/** The part of `bytes` from `start` up to `end`, which may change afterwards. */
export function writeNow(socket: Socket, descriptor: number, bytes: Buffer, start: number, end: number): void {
  const isFree = descriptor >= 0 && socket.writableLength === 0 && socket.writableCorked === 0;
  const left = isFree ? start + taken(descriptor, bytes, start, end) : start;
  if (left < end) socket.write(Buffer.from(bytes.subarray(left, end)));
}

/** How many bytes the system took. */
function taken(descriptor: number, bytes: Buffer, start: number, end: number): number {
  try {
    return writeSync(descriptor, bytes, start, end - start, null);
  } catch {
    // Its buffer is full, or the connection is broken: the stream will see.
    return 0;
  }
}
