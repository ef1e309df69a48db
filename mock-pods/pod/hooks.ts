/** The chain of request hooks of one pod: the one added last is asked first, the first that says true answers. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { isControl } from "./journal.ts";
import type { JournalEntry, RequestHook } from "./pod.ts";

export class HookChain {
  #hooks: readonly RequestHook[] = [];
  readonly #ended: (entry: JournalEntry, how: "finished" | "disconnected" | "failed", status?: number) => void;

  /** `ended` is told how an answer ended that a hook gave. */
  constructor(ended: (entry: JournalEntry, how: "finished" | "disconnected" | "failed", status?: number) => void) {
    this.#ended = ended;
  }

  add(hook: RequestHook): () => void {
    this.#hooks = [hook, ...this.#hooks];
    return () => {
      this.#hooks = this.#hooks.filter((other) => other !== hook);
    };
  }

  get isEmpty(): boolean {
    return this.#hooks.length === 0;
  }

  clear(): void {
    this.#hooks = [];
  }

  /** Stays synchronous while the hooks do: a pod without hooks loses no tick. */
  readonly ask: RequestHook = (entry, request, response) => {
    if (this.#hooks.length === 0 || isControl(entry.path)) return false;
    return this.#askAll(entry, request, response);
  };

  async #askAll(entry: JournalEntry, request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const closed = new Promise<void>((resolve) => response.once("close", resolve));
    for (const hook of this.#hooks) {
      if (!(await hook(entry, request, response))) continue;
      void closed.then(() => this.#ended(entry, howItEnded(request, response), statusOf(response)));
      return true;
    }
    return false;
  }
}

function statusOf(response: ServerResponse): number | undefined {
  return response.headersSent ? response.statusCode : undefined;
}

/** Without a whole answer, the one who spoke last is to blame: a client that leaves says FIN or RST, a hook does not. */
function howItEnded(request: IncomingMessage, response: ServerResponse): "finished" | "disconnected" | "failed" {
  if (response.writableFinished) return "finished";
  return request.socket.readableEnded || request.socket.errored !== null ? "disconnected" : "failed";
}
