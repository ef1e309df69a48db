import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, it } from "vitest";
import { groupMemoryBytes } from "./group-memory.ts";

it("sums what a process and its children hold", async () => {
  const holds = (mebibytes: number): string => `globalThis.kept = Buffer.alloc(${mebibytes} * 2 ** 20, 1);`;
  const wait = `process.stdout.write("held"); setInterval(() => {}, 1000);`;
  const nested = `require("node:child_process").spawn(process.execPath, ["-e", ${JSON.stringify(holds(64) + wait)}], { stdio: "inherit" });`;
  const leader = spawn(process.execPath, ["-e", holds(64) + nested + "setInterval(() => {}, 1000);"], {
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const { pid = 0 } = leader;
  try {
    await once(leader.stdout, "data");
    // Only Linux tells.
    const untold = process.platform === "linux" ? 0 : Infinity;
    expect((await groupMemoryBytes(pid)) ?? untold).toBeGreaterThan(128 * 2 ** 20);
  } finally {
    process.kill(-pid, "SIGKILL");
  }
});

it("knows nothing of a group that is not there", async () => {
  expect(await groupMemoryBytes(2 ** 30)).toBeUndefined();
});
