import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { CONFIG_KEYS, describeSetting, environmentName, flagName, readRouterConfig } from "./router-config.ts";

const folder = mkdtempSync(join(tmpdir(), "routeproof-"));
afterAll(() => rmSync(folder, { recursive: true }));

function file(text: string): string {
  const path = join(folder, "router.yaml");
  writeFileSync(path, text);
  return path;
}

it("has a default for everything that needs one", () => {
  expect(readRouterConfig(undefined, {}, {})).toMatchObject({
    strategy: "prefix-cache-and-load",
    mode: "corrected",
    host: "127.0.0.1",
    adminHost: "127.0.0.1",
  });
});

it("lets a flag beat the environment, and the environment the file", () => {
  const path = file("seed: 1\nport: 1\nprobeMs: 1\n");
  const environment = { ROUTEPROOF_PORT: "2", ROUTEPROOF_PROBE_MS: "2" };
  expect(readRouterConfig(path, environment, { probeMs: "3" })).toMatchObject({ seed: 1, port: 2, probeMs: 3 });
});

it("reads JSON as well, and an empty file as no settings", () => {
  expect(readRouterConfig(file('{"threshold": 0.25}'), {}, {})).toMatchObject({ threshold: 0.25 });
  expect(readRouterConfig(file(""), {}, {})).toMatchObject({ seed: 0 });
});

it.each([
  [{ mode: "fast" }, /^--mode: "fast" is not one of "corrected", "aibrix-719", "preble"$/],
  [{ threshold: "1.5" }, /^--threshold: 1\.5 must be <= 1$/],
  [{ threshold: "NaN" }, /^--threshold: "NaN" must be number$/],
  [{ port: "http" }, /^--port: "http" must be integer$/],
  [{ port: "" }, /^--port: "" must be integer$/],
  [{ adminPort: "99999" }, /^--admin-port: 99999 must be <= 65535$/],
  [{ idleMs: "0.5" }, /^--idle-ms: 0\.5 must be integer$/],
])("refuses the flags %j in one line", (flags, message) => {
  expect(() => readRouterConfig(undefined, {}, flags)).toThrow(message);
});

it.each([
  ["prot: 1\n", /router\.yaml: \/: unknown key "prot"; allowed: .*port/],
  ["port: [\n", /^[^\n]*router\.yaml: [^\n]+$/],
  ["- a\n", /router\.yaml: \/: \["a"\] must be object/],
  ["apiKey: ''\n", /\/apiKey/],
])("refuses the file %j in one line", (text, message) => {
  expect(() => readRouterConfig(file(text), {}, {})).toThrow(message);
});

it("does not offer the oracle, which sees into its pods", () => {
  expect(() => readRouterConfig(undefined, {}, { strategy: "oracle" })).toThrow(/^--strategy: "oracle" is not one of/);
  expect(describeSetting("strategy")).not.toContain("oracle");
});

it("takes no port from the variable that Kubernetes sets beside a Service of that name", () => {
  expect(readRouterConfig(undefined, { ROUTEPROOF_PORT: "tcp://10.0.0.1:8080" }, {})).toMatchObject({ port: 8080 });
  expect(() => readRouterConfig(undefined, { ROUTEPROOF_PORT: "http" }, {})).toThrow(/must be integer/);
});

it("names the environment variable that is wrong", () => {
  expect(() => readRouterConfig(undefined, { ROUTEPROOF_LOG_LEVEL: "loud" }, {})).toThrow(/^ROUTEPROOF_LOG_LEVEL: /);
});

it("describes every setting, and spells it three ways", () => {
  for (const key of CONFIG_KEYS) expect(describeSetting(key).length).toBeGreaterThan(5);
  expect(flagName("backendsDnsMs")).toBe("--backends-dns-ms");
  expect(environmentName("backendsDnsMs")).toBe("ROUTEPROOF_BACKENDS_DNS_MS");
});
