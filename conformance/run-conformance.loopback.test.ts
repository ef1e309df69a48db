import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { RouterAdapter } from "./adapters/router-under-test.ts";
import { runConformance } from "./run-conformance.ts";
import { testFunctionRouter } from "./runner/test-doubles.ts";

const ROUTER = new URL("adapters/test-router.ts", import.meta.url).pathname;

function file(name: string, content: unknown): string {
  const path = join(mkdtempSync(join(tmpdir(), "routeproof-attached-")), name);
  writeFileSync(path, JSON.stringify(content));
  return path;
}

const only = "STR-01";

it("takes files where a command line takes them, and says so in the reproduce line", async () => {
  const adapter = file("router.json", {
    name: "test-router",
    kind: "command",
    command: [process.execPath, ROUTER, "--port", "{{port}}", "--pods", "{{pods.urls|,}}"],
    url: "http://127.0.0.1:{{port}}",
    ready: { url: "{{url}}/healthz" },
  });
  const profile = file("profile.json", { exploration: 0.25 });
  const knownFailing = file("known-failing.json", [{ pattern: "STR-01", reason: "tracked", sometimes: true }]);
  const { header, cases, footer } = await runConformance({ adapter, profile, knownFailing, only });
  expect(footer.error).toBeUndefined();
  expect(header.profile).toEqual({ exploration: 0.25 });
  expect(cases.find(({ id }) => id === only)?.verdict).toMatch(/pass|fail/);
  expect(header.reproduce).toContain(`--adapter ${adapter} --profile ${profile}`);
});

it.each([
  ["no adapter", { adapter: {} as RouterAdapter }, /^adapter: give an object with start\(\), the path of an adapter/],
  ["an unknown name", { adapter: "no-such-router" }, /no file and no shipped adapter is called "no-such-router"/],
  ["a wrong claim", { profile: { exploration: 2 } }, /^profile: \/exploration/],
  ["a profile that is not there", { profile: "./none.json" }, /cannot read .*none\.json/],
  ["a wrong list", { knownFailing: [{ pattern: "THR-01" }] as never }, /^knownFailing: .*reason/],
])("refuses %s before anything starts", async (_, options, message) => {
  await expect(runConformance({ adapter: testFunctionRouter(), only, ...options })).rejects.toThrow(message);
});
