/** Every command that a README shows is run, in order, as if typed into a terminal at the root of the sources. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, describe, expect, it } from "vitest";
import { samplesIn } from "./samples.ts";

const root = join(import.meta.dirname, "../..");
const READMES = [
  "conformance/replay/README.md",
  "README.md",
  ...["mock-pods", "router", "conformance", "fixtures", "ci"].map((room) => `${room}/README.md`),
];

/** Shown to a reader and not run here, with the reason. */
const LEFT_OUT: readonly (readonly [command: RegExp, why: string])[] = [
  [/^(git clone|cd) /, "a test runs in the clone that it stands in"],
  [/^npm (ci|install|i)\b/, "would change the modules under the running tests; the package test installs"],
  [/^npm (test|run check|run build|run bench)\b|\.ci\/run/, "would run this test again, or is a step of the pipeline"],
  [/^(docker|kind|kubectl) /, "needs Docker or a cluster; the container test runs the image"],
  [/\bmooncake-/, "needs the published trace, which is not in this repository"],
];

/** `npx routeproof` from the sources: needs no build, here or in what a command itself starts (a shipped adapter does). */
const NPX = `#!/usr/bin/env bash
if [ "$1" = routeproof ]; then shift; exec "${root}/node_modules/.bin/tsx" "${root}/ci/routeproof.ts" "$@"; fi
PATH=\${PATH#*:} exec npx "$@"
`;
const bin = mkdtempSync(join(tmpdir(), "routeproof-npx-"));
writeFileSync(join(bin, "npx"), NPX, { mode: 0o755 });
afterAll(() => rmSync(bin, { recursive: true }));

const PRELUDE = "set -euo pipefail\n";
const env = { ...process.env, PATH: `${bin}:${process.env["PATH"]}` };

const shown = READMES.filter((file) => existsSync(join(root, file)))
  .map((file) => ({ file, samples: samplesIn(readFileSync(join(root, file), "utf8")) }))
  .map(({ file, samples }) => ({
    file,
    samples: samples.filter(({ command }) => !LEFT_OUT.some(([pattern]) => pattern.test(command))),
  }))
  .filter(({ samples }) => samples.length > 0);

it("has something to run in the README that a stranger sees first", () => {
  expect(shown.map(({ file }) => file)).toContain("README.md");
});

describe.each(shown)("$file", ({ samples }) => {
  const servers: ChildProcess[] = [];
  afterAll(async () => {
    for (const server of servers) {
      // Its own process group: bash, tsx and node.
      if (server.pid !== undefined && server.exitCode === null) {
        process.kill(-server.pid, "SIGTERM");
        await once(server, "exit");
      }
    }
  });

  it.each(samples.filter(({ serves }) => serves))("line $line serves: $command", async ({ command }) => {
    const server = spawn("bash", ["-c", PRELUDE + command], {
      cwd: root,
      env,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    servers.push(server);
    let errors = "";
    server.stderr.on("data", (bytes: Buffer) => (errors += bytes.toString()));
    const ready = await Promise.race([
      once(createInterface({ input: server.stdout }), "line").then(([line]) => String(line)),
      once(server, "exit").then(() => `ended before it was ready: ${errors}`),
    ]);
    expect(ready).toMatch(/^\{.*"urls?":/);
  });

  it.each(samples.filter(({ serves }) => !serves))(
    "line $line works: $command",
    { timeout: 120_000 },
    async ({ command }) => {
      const child = spawn("bash", ["-c", PRELUDE + command], { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
      let output = "";
      child.stdout.on("data", (bytes: Buffer) => (output += bytes.toString()));
      child.stderr.on("data", (bytes: Buffer) => (output += bytes.toString()));
      const [exitCode] = (await once(child, "exit")) as [number];
      expect({ exitCode, output }).toMatchObject({ exitCode: 0 });
    },
  );
});
