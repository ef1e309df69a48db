/** How much memory a process group has resident, as Linux tells it. */
import { readdir, readFile } from "node:fs/promises";

/** Undefined where there is no /proc, or nothing of the group runs any more. */
export async function groupMemoryBytes(group: number): Promise<number | undefined> {
  const ids = (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name));
  const sizes = await Promise.all(ids.map((id) => residentBytes(id, group)));
  const sum = sizes.reduce((total, size) => total + size, 0);
  return sum === 0 ? undefined : sum;
}

/** 0 for a process of another group, and for one that is gone. */
async function residentBytes(id: string, group: number): Promise<number> {
  const stat = await readFile(`/proc/${id}/stat`, "utf8").catch(() => "");
  // "id (name) state parent group ...": a name may hold spaces and brackets.
  const [, , ofGroup] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (ofGroup !== String(group)) return 0;
  const status = await readFile(`/proc/${id}/status`, "utf8").catch(() => "");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1_024;
}
