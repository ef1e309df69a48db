/** Adapters that come with the kit, by the name of the router. */
import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { join } from "node:path";

const FOLDER = fileURLToPath(new URL("shipped", import.meta.url));

export function shippedAdapters(): string[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith(".json") && !/\.(profile|known-failing)\.json$/.test(file))
    .map((file) => file.slice(0, -".json".length));
}

/** The path of a shipped adapter's file when `name` is one and no such file stands where the user is; else `name`. */
export function resolveAdapterPath(name: string): string {
  return !existsSync(name) && shippedAdapters().includes(name) ? join(FOLDER, `${name}.json`) : name;
}
