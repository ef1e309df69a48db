/** A router as a child process: its own process group, its last lines kept, and nothing left behind. */
import { spawn, type ChildProcess } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { OperationalError } from "../../fixtures/operational-error.ts";
import { groupMemoryBytes } from "./group-memory.ts";
import { RouterLog } from "./router-log.ts";
import type { RouterProgram } from "./router-program.ts";

/** Groups still running, so that a kit that dies takes its routers with it. */
const running = new Set<RouterProcess>();
process.on("exit", () => {
  for (const router of running) router.signalGroup("SIGKILL");
});

export interface ProcessOptions {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export class RouterProcess implements RouterProgram {
  readonly log = new RouterLog();
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  #ending: string | undefined;
  #stopping = false;

  constructor({ command, env, cwd }: ProcessOptions) {
    const [file = "", ...args] = command;
    this.#child = spawn(file, args, {
      env: { ...process.env, ...env },
      cwd,
      // A group of its own: a router that forks is stopped whole, and a Ctrl-C for the kit does not reach it first.
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    running.add(this);
    this.#exited = new Promise((resolve) => {
      this.#child.once("error", (error) => this.#end(`cannot run ${file}: ${reason(error)}`, resolve));
      this.#child.once("exit", (code, signal) =>
        this.#end(signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`, resolve),
      );
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) if (stream !== null) this.log.follow(stream);
  }

  died(): string | undefined {
    return this.#ending === undefined || this.#stopping ? undefined : `${this.#ending}${this.log.lastLines()}`;
  }

  async memoryBytes(): Promise<number | undefined> {
    const { pid } = this.#child;
    return pid === undefined ? undefined : groupMemoryBytes(pid);
  }

  async signal(name: NodeJS.Signals): Promise<void> {
    this.#child.kill(name);
  }

  async stop(signal: NodeJS.Signals, graceMs: number): Promise<void> {
    this.#stopping = true;
    this.signalGroup(signal);
    await Promise.race([this.#exited, sleep(graceMs, undefined, { ref: false })]);
    // The leader may be gone while its children are not.
    this.signalGroup("SIGKILL");
    await this.#exited;
    running.delete(this);
  }

  signalGroup(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }

  #end(how: string, resolve: () => void): void {
    this.#ending ??= how;
    // The pipes may still hold its last words; a grandchild may hold the pipes for ever.
    setTimeout(resolve, 20);
  }
}

/**
 * Runs a command to its end and resolves to what it printed, or, where that is nothing, said on stderr.
 *
 * @throws {OperationalError} REQUIREMENT_MISSING
 */
export async function runToEnd(command: readonly string[], timeoutMs: number): Promise<string> {
  const [file = "", ...args] = command;
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"], timeout: timeoutMs });
  let printed = "";
  let said = "";
  child.stdout.on("data", (piece: Buffer) => (printed += piece.toString()));
  child.stderr.on("data", (piece: Buffer) => (said += piece.toString()));
  const problem = await new Promise<string | undefined>((resolve) => {
    child.once("error", (error) => resolve(reason(error)));
    child.once("close", (code, signal) =>
      resolve(code === 0 ? undefined : `ended with ${signal ?? `exit code ${code}`}`),
    );
  });
  if (problem === undefined) return printed.trim() || said.trim();
  throw new OperationalError("REQUIREMENT_MISSING", `${command.join(" ")}: ${problem}`);
}

function reason(error: Error): string {
  const code = (error as NodeJS.ErrnoException).code;
  return code === "ENOENT" ? "no such program" : code === "EACCES" ? "not executable" : error.message;
}
