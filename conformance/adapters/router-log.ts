/** What a router wrote, kept for messages and for the cases that look for leaks in it. */

const KEPT_LINES = 20;
const KEPT_LINE_CHARS = 400;
/** Enough for one case at the level that routers log by default. */
const KEPT_LOG_CHARS = 2 ** 20;

export class RouterLog {
  readonly #lines: string[] = [];
  #text = "";

  /** Takes what the stream brings, until it ends. */
  follow(stream: NodeJS.ReadableStream): void {
    let rest = "";
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => {
      this.#text += text;
      if (this.#text.length > 2 * KEPT_LOG_CHARS) this.#text = this.#text.slice(-KEPT_LOG_CHARS);
      const lines = (rest + text).split("\n");
      rest = (lines.pop() ?? "").slice(-KEPT_LINE_CHARS);
      for (const line of lines) if (line.trim() !== "") this.#lines.push(line.trimEnd().slice(0, KEPT_LINE_CHARS));
      this.#lines.splice(0, this.#lines.length - KEPT_LINES);
    });
  }

  /** At least the last megabyte of it. */
  get text(): string {
    return this.#text;
  }

  /** The last lines, for a message; empty when there are none. */
  lastLines(): string {
    return this.#lines.length === 0 ? "" : `; its last lines:\n${this.#lines.map((line) => `    ${line}`).join("\n")}`;
  }

  saysPortIsTaken(): boolean {
    return this.#lines.some(saysPortIsTaken);
  }
}

/** Whether a line looks as if a port was taken by someone else in the meantime. */
export function saysPortIsTaken(text: string): boolean {
  return /EADDRINUSE|address (already )?in use|failed to bind|only one usage|port is already allocated/i.test(text);
}
