/** Reads a request's body whole, for the decision needs the whole prompt. */
import type { IncomingMessage } from "node:http";

/**
 * Calls `done` once: with the body, or with `undefined` when it is larger than `limitBytes`. Not at all when the client
 * leaves before it is complete. Callbacks, not a promise: this is on the path of every request.
 */
export function readBody(request: IncomingMessage, limitBytes: number, done: (body: Buffer | undefined) => void): void {
  if (Number(request.headers["content-length"] ?? 0) > limitBytes) return done(undefined);
  const pieces: Buffer[] = [];
  let lengthBytes = 0;
  const onData = (piece: Buffer): void => {
    lengthBytes += piece.length;
    if (lengthBytes > limitBytes) {
      request.off("data", onData);
      request.off("end", onEnd);
      request.resume();
      return done(undefined);
    }
    pieces.push(piece);
  };
  const onEnd = (): void => {
    const [only] = pieces;
    done(pieces.length === 1 ? only : Buffer.concat(pieces, lengthBytes));
  };
  request.on("data", onData);
  request.on("end", onEnd);
}
