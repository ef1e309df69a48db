/** What a server under measurement took, as Linux counts it. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

/** Its errors go to ours. */
export function spawnServer(command: string, argv: readonly string[]): ChildProcess {
  return spawn(command, argv, { stdio: ["ignore", "pipe", "inherit"] });
}

/** Of standard output: how a server says that it is ready. */
export async function firstLine({ stdout }: ChildProcess): Promise<string> {
  if (stdout === null) throw new Error("no standard output");
  const [line] = (await once(createInterface(stdout), "line")) as [string];
  return line;
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
