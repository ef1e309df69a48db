/** A `routeproof` command as a process of its own, which says in one JSON line when it is ready. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { firstLine } from "./first-line.ts";

const ENTRY = join(import.meta.dirname, "routeproof.ts");

export interface StartedCommand<ReadyLine> {
  readonly process: ChildProcess;
  readonly ready: ReadyLine;
  stop(): Promise<void>;
}

/**
 * Resolves at the ready line, which is taken to be what the command is known to print. What it says on stderr is shown.
 *
 * @param nodeFlags also open a channel for messages when one of them preloads something that wants it
 */
export async function startCommand<ReadyLine>(
  argv: readonly string[],
  nodeFlags: readonly string[] = [],
): Promise<StartedCommand<ReadyLine>> {
  const child = spawn(process.execPath, [...nodeFlags, ENTRY, ...argv], {
    stdio: ["ignore", "pipe", "inherit", ...(nodeFlags.length > 0 ? (["ipc"] as const) : [])],
  });
  const gone = once(child, "exit");
  const died = gone.then(([code, signal]) => {
    throw new Error(`routeproof ${argv.join(" ")} ended with ${signal ?? `exit code ${code}`}`);
  });
  died.catch(() => undefined);
  const line = await Promise.race([firstLine(child), died]);
  return {
    process: child,
    ready: JSON.parse(line) as ReadyLine,
    stop: async () => {
      child.kill("SIGTERM");
      const killed = setTimeout(() => child.kill("SIGKILL"), 5000);
      await gone;
      clearTimeout(killed);
    },
  };
}

/** What `routeproof pods` prints. */
export interface PodsReady {
  readonly urls: readonly string[];
  readonly model: string;
  readonly pods: readonly { readonly name: string; readonly url: string }[];
}

/** What `routeproof router` prints, as far as it is used here. */
export interface RouterReady {
  readonly url: string;
  readonly adminUrl: string;
}
