import { join } from "node:path";
import { expect, it } from "vitest";
import { checkAdapterFile } from "./adapters/adapter-file.ts";
import { commandAdapter } from "./adapters/command-adapter.ts";
import { smoke } from "./smoke.ts";

const ROUTER = join(import.meta.dirname, "adapters/test-router.ts");

async function smokeOf(command: readonly string[]) {
  const url = "http://127.0.0.1:{{port}}";
  const file = checkAdapterFile(
    {
      name: "r",
      kind: "command",
      command,
      url,
      ready: { url: "{{url}}/healthz", maxMs: 8_000 },
      pods: { channel: "restart" },
    },
    "r.json",
  );
  return smoke(
    await commandAdapter({
      file: file as never,
      profile: { discovery: { convergenceMs: 100 } },
      path: "/r.json",
      here: "/",
    }),
    1,
  );
}

it("goes through every step with a router that is attached rightly", { timeout: 60_000 }, async () => {
  const steps = await smokeOf([process.execPath, ROUTER, "--port", "{{port}}", "--pods", "{{pods.urls|,}}"]);
  expect(steps.map(({ name }) => name)).toHaveLength(5);
  expect(steps.filter(({ trouble }) => trouble !== undefined)).toEqual([]);
});

it("blames the adapter when nothing starts", async () => {
  const [step, ...rest] = await smokeOf(["/no/such/router"]);
  expect(step?.trouble).toMatchObject({ in: "adapter", text: expect.stringContaining("no such program") as string });
  expect(rest).toEqual([]);
});
