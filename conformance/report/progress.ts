/** One line on a terminal that says which case runs and how long the rest will take. Nothing where there is no terminal. */
import type { WriteStream } from "node:tty";
import type { RunEvent } from "../runner/run-options.ts";

export class Progress {
  readonly #stream: WriteStream;
  readonly #startedMs = performance.now();

  constructor(stream: WriteStream) {
    this.#stream = stream;
  }

  show(event: RunEvent): void {
    if (!this.#stream.isTTY) return;
    if (event.type === "row") return this.clear();
    const elapsedMs = performance.now() - this.#startedMs;
    const left =
      event.index < 5 ? "" : `, about ${seconds((elapsedMs / event.index) * (event.total - event.index))} left`;
    const line = `[${event.index + 1}/${event.total}] ${event.id}  ${seconds(elapsedMs)}${left}`;
    this.#stream.write(`\r\u001b[K${line.slice(0, Math.max(20, this.#stream.columns - 1))}`);
  }

  clear(): void {
    if (this.#stream.isTTY) this.#stream.write("\r\u001b[K");
  }
}

function seconds(durationMs: number): string {
  return `${Math.round(durationMs / 1000)} s`;
}
