#!/usr/bin/env node
/**
 * The command as npm links it. In a checkout it runs the sources, so that nothing need be built first and nothing is stale;
 * in the package it runs what was built. It has no import that an old Node could trip over before it is told.
 */
import { existsSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";

const NEEDED = [22, 22];
const [major, minor] = process.versions.node.split(".").map(Number);
if (major < NEEDED[0] || (major === NEEDED[0] && minor < NEEDED[1])) {
  process.stderr.write(`routeproof: needs Node ${NEEDED.join(".")} or newer; this is ${process.version}\n`);
  process.exitCode = 3;
} else {
  const [sources, built] = ["routeproof.ts", "../dist/ci/routeproof.js"].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  );
  process.argv[1] = existsSync(sources) ? sources : built;
  await import(pathToFileURL(process.argv[1]).href);
}
