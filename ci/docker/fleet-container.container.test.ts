/** The pods in a container, the reference router in front, as a user of testcontainers has it. */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GenericContainer, Wait } from "testcontainers";
import { request } from "undici";
import { afterAll, beforeAll, expect, it } from "vitest";
import { cl100k } from "../../fixtures/tokenizer/cl100k.ts";
import { VllmFleetContainer, type StartedVllmFleetContainer } from "../../mock-pods/adapters/container.ts";
import { createFunctionRouter, startRouter } from "../../router/index.ts";
import { bundleForContainer } from "../build/container-bundle.ts";

const IMAGE = "routeproof-pods:test";
const MODEL = "mock-model";
/** 1,200 words: far above one block of 16 tokens. */
const DOCUMENT = "the quick brown fox jumps over the lazy dog again ".repeat(120);

const root = join(import.meta.dirname, "../..");
/** Not the real dist/, which other tests build anew. */
const context = mkdtempSync(join(tmpdir(), "routeproof-context-"));
let fleet: StartedVllmFleetContainer;

beforeAll(async () => {
  await bundleForContainer(join(context, "dist/container"));
  for (const file of ["mock-pods/Dockerfile", ".dockerignore"]) cpSync(join(root, file), join(context, file));
  await VllmFleetContainer.buildImage(IMAGE, context);
  fleet = await new VllmFleetContainer(IMAGE, "a6000:2,v100:1")
    .withFlags("--model", MODEL, "--speed", "10", "--enable-prompt-tokens-details")
    .start();
});

afterAll(async () => {
  await fleet?.stop();
  rmSync(context, { recursive: true });
});

async function complete(url: string, prompt: string) {
  const { statusCode, headers, body } = await request(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: MODEL, prompt, max_tokens: 4 }),
  });
  const { usage } = (await body.json()) as {
    readonly usage: {
      readonly prompt_tokens: number;
      readonly prompt_tokens_details: { readonly cached_tokens: number };
    };
  };
  return { statusCode, pod: headers["x-inference-pod"], usage };
}

it("serves each pod on a port of its own, ready when it says started", async () => {
  expect(new Set(fleet.urls).size).toBe(3);
  const answers = await Promise.all(fleet.urls.map((url, index) => complete(url, `Hello, number ${index}`)));
  expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200]);
  expect(answers.map(({ pod }) => pod)).toEqual(["a6000-0", "a6000-1", "v100-2"]);
});

it("runs as no more than a user, and reports its health to Docker", async () => {
  const { output } = await fleet.exec(["id", "-u"]);
  expect(output.trim()).toBe("1000");
  const healthy = await new GenericContainer(IMAGE)
    .withExposedPorts(8000)
    .withWaitStrategy(Wait.forHealthCheck())
    .start();
  await healthy.stop();
});

it("shows a prefix hit through the reference router", async () => {
  const router = await startRouter({
    router: createFunctionRouter({ tokenizer: cl100k, seed: 1 }),
    pods: fleet.urls.map((url, index) => ({ name: `pod-${index}`, url })),
  });
  try {
    const first = await complete(router.url, `${DOCUMENT}What is it about?`);
    const second = await complete(router.url, `${DOCUMENT}How long is it?`);
    expect(second.pod).toBe(first.pod);
    expect(first.usage.prompt_tokens_details.cached_tokens).toBe(0);
    expect(second.usage.prompt_tokens_details.cached_tokens).toBeGreaterThan(0.9 * second.usage.prompt_tokens);
  } finally {
    await router.close();
  }
});

it("says in one line what is wrong with its words", async () => {
  expect(() => new VllmFleetContainer(IMAGE, "h200:2")).toThrow(/unknown GPU profile "h200"/);
  expect(() => new VllmFleetContainer(IMAGE, "a6000:0")).toThrow(/0 pods/);
});
