/** A pod's answer, each piece of which comes so much later, and after the one before. */
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

export function slowly(answer: Readable, pieceMs: number): Readable {
  const pieces = async function* (): AsyncGenerator<Buffer> {
    for await (const piece of answer) {
      await sleep(pieceMs);
      yield piece as Buffer;
    }
  };
  return Readable.from(pieces());
}
