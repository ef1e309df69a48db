import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** Of standard output, which must be a pipe: how a server says that it is ready. Waits for good where one says nothing. */
export async function firstLine({ stdout }: ChildProcess): Promise<string> {
  if (stdout === null) throw new Error("no standard output");
  const [line] = (await once(createInterface(stdout), "line")) as [string];
  return line;
}
