import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { RouterProfileSchema } from "../router-profile.ts";
import { AdapterFileSchema } from "./adapter-file.ts";
import { ObserveSchema } from "./observe.ts";

const page = readFileSync(new URL("README.md", import.meta.url), "utf8");

/** Names of keys anywhere in a schema. */
function keysOf(schema: unknown): Set<string> {
  const keys = new Set<string>();
  const walk = (node: unknown): void => {
    if (typeof node !== "object" || node === null) return;
    const { properties } = node as { properties?: unknown };
    if (typeof properties === "object" && properties !== null) for (const key of Object.keys(properties)) keys.add(key);
    Object.values(node).forEach(walk);
  };
  walk(schema);
  return keys;
}

const undocumented = (keys: Iterable<string>): readonly string[] =>
  [...keys].filter((key) => !new RegExp(String.raw`[\`".]${key}[\`".]`).test(page));

it("names every key of the profile on its page", () => {
  expect(undocumented(keysOf(RouterProfileSchema))).toEqual([]);
});

it("names every key of the adapter file, but for those of what a router shows", () => {
  const shown = keysOf(ObserveSchema);
  expect(undocumented([...keysOf(AdapterFileSchema)].filter((key) => !shown.has(key)))).toEqual([]);
});
