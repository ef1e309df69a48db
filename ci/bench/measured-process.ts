/** What a server under measurement took, as Linux counts it. */
import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";

/** Its errors go to ours. */
export function spawnServer(command: string, argv: readonly string[]): ChildProcess {
  return spawn(command, argv, { stdio: ["ignore", "pipe", "inherit"] });
}

/** User and system time of all threads, to 10 ms. */
export function cpuSeconds({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

export function residentBytes({ pid }: ChildProcess): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;
}
