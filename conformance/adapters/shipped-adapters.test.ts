import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { readJsonFile } from "../../fixtures/schema.ts";
import { checkRouterProfile } from "../router-profile.ts";
import { knownFailingIn } from "../runner/known-failing.ts";
import { loadAdapter } from "./adapter-file.ts";
import { resolveAdapterPath, shippedAdapters } from "./shipped-adapters.ts";

const FOLDER = join(import.meta.dirname, "shipped");

it.each(shippedAdapters())("%s is a valid adapter with a valid profile", (name) => {
  const { file, profile } = loadAdapter(resolveAdapterPath(name));
  expect(file.name).toBe(name);
  expect(file.install).toBeDefined();
  expect(profile.match).toBeDefined();
});

it.each(readdirSync(FOLDER).filter((file) => file.endsWith(".profile.json")))("%s is a valid profile", (file) => {
  expect(checkRouterProfile(readJsonFile(join(FOLDER, file)), file).match).toBeDefined();
});

it.each(readdirSync(FOLDER).filter((file) => file.endsWith(".known-failing.json")))("%s is a valid list", (file) => {
  expect(knownFailingIn(join(FOLDER, file)).length).toBeGreaterThan(0);
});

it("leaves a path that is no shipped name alone", () => {
  expect(resolveAdapterPath("my/adapter.json")).toBe("my/adapter.json");
});

it("lists the shipped ones where a name is neither theirs nor a file's", () => {
  expect(() => resolveAdapterPath("sglang")).toThrow(
    /no file and no shipped adapter is called "sglang"; .*sglang-router/,
  );
});
