import { expect, it } from "vitest";
import { podSettings } from "../arguments/pod-settings.ts";
import { ModelRegistry } from "./model-registry.ts";
import { serveSettings } from "./serve-settings.ts";

it("numbers adapters by their loading, as KV events tell them", () => {
  const flags = { "enable-lora": true, "lora-modules": "sql=/adapters/sql chat=/adapters/chat" };
  const models = new ModelRegistry(serveSettings(podSettings("a6000", "m", flags)));
  expect(models.resolve("chat")).toEqual({ id: 2, name: "chat", path: "/adapters/chat" });
  models.load("chat", "/adapters/chat-2", true);
  expect(models.resolve("chat")).toEqual({ id: 2, name: "chat", path: "/adapters/chat-2" });
  models.unload("sql");
  models.load("sql", "/adapters/sql", false);
  expect(models.resolve("sql")?.id).toBe(3);
  // One that is not found has had its number.
  expect(() => models.load("new", "/no-such", false)).toThrow("No adapter found for /no-such");
  models.load("new", "/adapters/new", false);
  expect(models.resolve("new")?.id).toBe(5);
  expect(models.resolve("m")).toBeUndefined();
});
