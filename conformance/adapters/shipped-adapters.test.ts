import { expect, it } from "vitest";
import { loadAdapter } from "./adapter-file.ts";
import { resolveAdapterPath, shippedAdapters } from "./shipped-adapters.ts";

it.each(shippedAdapters())("%s is a valid adapter with a valid profile", (name) => {
  const { file, profile } = loadAdapter(resolveAdapterPath(name));
  expect(file.name).toBe(name);
  expect(file.install).toBeDefined();
  expect(profile.match).toBeDefined();
});

it("leaves a path that is no shipped name alone", () => {
  expect(resolveAdapterPath("my/adapter.json")).toBe("my/adapter.json");
});
