/** A connection to the router on which every byte is the case's own. Reads only while someone waits for something. */
import { connect } from "node:net";
import type { RawConnection } from "./raw-exchange.ts";

/** @throws when the router does not accept it */
export async function openRawConnection(routerUrl: string): Promise<RawConnection> {
  const { hostname, port } = new URL(routerUrl);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  const pieces: Buffer[] = [];
  let closed = false;
  let look = (): void => undefined;
  // A reset is an end like any other; `close` follows it.
  socket.on("error", () => undefined);
  await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  socket.on("close", () => {
    closed = true;
    look();
  });
  socket.on("data", (piece) => {
    pieces.push(piece);
    look();
  });
  socket.pause();
  const received = (): Uint8Array => Buffer.concat(pieces);
  return {
    received,
    write: (bytes) => void socket.write(bytes),
    until: async (predicate, timeoutMs) => {
      const { promise, resolve } = Promise.withResolvers<"held" | "closed" | "timeout">();
      look = () => {
        if (predicate(received())) resolve("held");
        else if (closed) resolve("closed");
      };
      const timer = setTimeout(() => resolve("timeout"), timeoutMs);
      socket.resume();
      look();
      const outcome = await promise;
      clearTimeout(timer);
      socket.pause();
      look = () => undefined;
      return outcome;
    },
    close: () => void socket.destroy(),
  };
}
