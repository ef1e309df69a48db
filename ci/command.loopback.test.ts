import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";
import manifest from "../package.json" with { type: "json" };

const root = join(import.meta.dirname, "..");

const run = (flags: readonly string[], ...words: string[]) =>
  spawnSync(process.execPath, [...flags, join(root, manifest.bin.routeproof), ...words], { encoding: "utf8" });

it("runs the sources where they are: a checkout needs no build, and every exit code comes through", () => {
  expect(run([], "--version").stdout).toBe(`${manifest.version}\n`);
  expect(run([], "verify", "--only", "NOPE-01").status).toBe(4);
});

it("says to an old Node what it needs, before anything could break on it", () => {
  const old = `Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.20.2" } })`;
  const { status, stdout, stderr } = run(["--import", `data:text/javascript,${encodeURIComponent(old)}`], "--version");
  expect([status, stdout]).toEqual([3, ""]);
  expect(stderr).toContain("needs Node 22.22 or newer");
});
