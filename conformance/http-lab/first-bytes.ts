/** How long the first byte of a request that is held open is waited for: whoever counts by bytes has then seen it begin. */
import { setTimeout as sleep } from "node:timers/promises";

/** It counts as begun without its first byte after this: a router that buffers never passes it on. */
const PATIENCE_MS = 250;
/** Where so many in a row did not come in time, the next one will not either. */
const MISSES = 4;
const LITTLE_PATIENCE_MS = 10;

export class FirstBytes {
  #missed = 0;

  async wait(firstByte: Promise<unknown>): Promise<void> {
    const timeout = sleep(this.#missed < MISSES ? PATIENCE_MS : LITTLE_PATIENCE_MS, "missed", { ref: false });
    const outcome = await Promise.race([firstByte, timeout]);
    this.#missed = outcome === "missed" ? this.#missed + 1 : 0;
  }
}
