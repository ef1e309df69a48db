/** Adapters that come with the kit, by the name of the router. */
import { existsSync, readdirSync } from "node:fs";
import { OperationalError } from "../../fixtures/operational-error.ts";
import { fileURLToPath } from "node:url";
import { join } from "node:path";

const FOLDER = fileURLToPath(new URL("shipped", import.meta.url));

export function shippedAdapters(): string[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith(".json") && !/\.(profile|known-failing)\.json$/.test(file))
    .map((file) => file.slice(0, -".json".length));
}

/**
 * The path of a shipped adapter's file when `name` is one and no such file stands where the user is; else `name`.
 *
 * @throws {OperationalError} FILE_UNREADABLE for a plain word that is neither
 */
export function resolveAdapterPath(name: string): string {
  if (existsSync(name)) return name;
  if (shippedAdapters().includes(name)) return join(FOLDER, `${name}.json`);
  if (/[./\\]/.test(name)) return name;
  const there = shippedAdapters().join(", ");
  throw new OperationalError(
    "FILE_UNREADABLE",
    `no file and no shipped adapter is called "${name}"; shipped are ${there}`,
  );
}
