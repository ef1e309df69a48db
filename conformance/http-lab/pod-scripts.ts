/** Replies that pods give instead of the engine's, and the gates that hold parts of them back. */
import type { PodScript } from "./scripted-pods.ts";

interface Gate {
  readonly opened: Promise<void>;
  readonly open: () => void;
}

export class PodScripts {
  readonly #gates = new Map<string, Gate>();
  /** The newest first. */
  #scripts: { readonly script: PodScript; left: number }[] = [];

  add(script: PodScript): void {
    this.#scripts.unshift({ script, left: script.times ?? Infinity });
  }

  /** What this pod plays for the request now; it has been played once more. */
  take(requestId: string, pod: string): PodScript | undefined {
    const found = this.#scripts.find(
      ({ script, left }) =>
        left > 0 && script.requestId === requestId && (script.pod === undefined || script.pod === pod),
    );
    if (found !== undefined) found.left -= 1;
    return found?.script;
  }

  gate(name: string): Gate {
    const known = this.#gates.get(name);
    if (known !== undefined) return known;
    const { promise: opened, resolve: open } = Promise.withResolvers<void>();
    const gate = { opened, open };
    this.#gates.set(name, gate);
    return gate;
  }

  forget(requestId: string): void {
    this.#scripts = this.#scripts.filter(({ script }) => script.requestId !== requestId);
  }

  /** What waits at a gate goes on. */
  reset(): void {
    for (const gate of this.#gates.values()) gate.open();
    this.#gates.clear();
    this.#scripts = [];
  }
}

/** It makes its pod fail: a router may rightly avoid that for a while. */
export function fails({ reply }: PodScript): boolean {
  // Some breakers count a client's mistakes too: that is for a case to judge, not for those after it to suffer.
  return reply.kind !== "respond" || reply.end === "reset" || reply.status >= 400;
}

const ERROR_BODY = { object: "error", message: "scripted by routeproof", type: "InternalServerError", param: null };

export function refusal(status: number): PodScript["reply"] {
  return { kind: "respond", status, body: [JSON.stringify({ error: { ...ERROR_BODY, code: status } })] };
}
