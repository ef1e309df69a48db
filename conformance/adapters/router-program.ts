/** A router that the kit started, as a process or in a container. */
import type { RouterLog } from "./router-log.ts";

export interface RouterProgram {
  readonly log: RouterLog;
  /** How it ended, unasked, with what it said last; undefined while it runs or after {@link stop}. */
  died(): string | undefined;
  /** Resident memory of all its processes. Absent where it cannot be read. */
  memoryBytes?(): Promise<number | undefined>;
  /** To the router itself, not its children, e.g. SIGHUP to read a file again. */
  signal(name: NodeJS.Signals): Promise<void>;
  /** Asks it to end, and ends it when `graceMs` are over. Leaves nothing of it behind. */
  stop(signal: NodeJS.Signals, graceMs: number): Promise<void>;
}
