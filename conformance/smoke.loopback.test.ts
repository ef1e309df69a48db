import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { checkAdapterFile } from "./adapters/adapter-file.ts";
import { commandAdapter } from "./adapters/command-adapter.ts";
import { urlAdapter } from "./adapters/url-adapter.ts";
import { smoke } from "./smoke.ts";

const ROUTER = join(import.meta.dirname, "adapters/test-router.ts");

async function smokeOf(command: readonly string[], url = "http://127.0.0.1:{{port}}") {
  const file = checkAdapterFile(
    {
      name: "r",
      kind: "command",
      command,
      url,
      ready: { url: "http://127.0.0.1:{{port}}/healthz", maxMs: 8_000 },
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

it("blames the adapter for a wrong url beside a right ready: nothing listens there, or something else does", async () => {
  const other = createHttpServer((_request, response) => response.writeHead(404).end()).listen(0, "127.0.0.1");
  await once(other, "listening");
  onTestFinished(() => void other.close());
  const troubleAt = async (url: string) => {
    const command = [process.execPath, ROUTER, "--port", "{{port}}", "--pods", "{{pods.urls|,}}"];
    return (await smokeOf(command, url)).find(({ trouble }) => trouble !== undefined)?.trouble;
  };
  const troubles = await Promise.all([
    troubleAt("http://127.0.0.1:{{port.other}}"),
    troubleAt(`http://127.0.0.1:${(other.address() as AddressInfo).port}`),
  ]);
  expect(troubles).toMatchObject([
    { in: "adapter", text: expect.stringContaining("nothing listens there") },
    { in: "adapter", text: expect.stringContaining("was answered with 404") },
  ]);
});

it("blames the adapter when nothing starts", async () => {
  const [step, ...rest] = await smokeOf(["/no/such/router"]);
  expect(step?.trouble).toMatchObject({ in: "adapter", text: expect.stringContaining("no such program") as string });
  expect(rest).toEqual([]);
});

it("blames the adapter for an address where nothing answers, and for a pod's address that is taken", async () => {
  const blocker = createServer().listen(0, "127.0.0.1");
  await once(blocker, "listening");
  onTestFinished(() => void blocker.close());
  const taken = `127.0.0.1:${(blocker.address() as AddressInfo).port}`;
  const at = (url: string, podsListen: string[]) =>
    smoke(urlAdapter({ file: { kind: "url", name: "r", url, podsListen }, profile: {} }), 1);
  const [refusing] = await at("http://127.0.0.1:1", ["127.0.0.1:0"]);
  expect(refusing?.trouble).toMatchObject({
    in: "adapter",
    text: expect.stringMatching(/GET http:.* did not answer within .*ECONNREFUSED; the router must run already/),
  });
  const [blocked] = await at("http://127.0.0.1:1", [taken]);
  expect(blocked?.trouble?.text).toMatch(/is in use; the kit's pods must bind it/);
});
