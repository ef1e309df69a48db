/** A pod that is another process than a moment ago, or was told to empty its cache, under its old name and address. */
import { request } from "undici";
import { expect, it } from "vitest";
import { cl100k } from "../../../fixtures/tokenizer/cl100k.ts";
import { createFunctionRouter } from "../../core/function-router.ts";
import type { TreeView } from "../../core/prefix-tree/tree-view.ts";

import { completion, ok, type TestPod } from "../test-pod.ts";
import { scene, until, type Scene } from "../test-scene.ts";

const PROMPT = completion("wombat ".repeat(50));

async function tokensKnown({ router }: Scene): Promise<number> {
  const { body } = await request(`${router.adminUrl}/admin/tree`);
  return ((await body.json()) as TreeView).storedTokens;
}

/** Knows the prompt on the only pod, which is probed on a hint alone. */
async function warm(startedSeconds: number): Promise<Scene & { readonly pod: TestPod }> {
  const s = await scene(1, { router: createFunctionRouter({ seed: 1, tokenizer: cl100k }), probeMs: 600_000 });
  const [pod] = s.pods as [TestPod];
  // The page is read when the pod joins.
  await s.router.setPods([]);
  pod.metrics = `process_start_time_seconds ${startedSeconds}\n`;
  await s.router.setPods([{ url: pod.url }]);
  await (await s.post(PROMPT)).body.dump();
  expect(await tokensKnown(s)).toBeGreaterThan(50);
  return Object.assign(s, { pod });
}

it("forgets what a pod held that crashed and was back before anybody looked (MEMB-04: smg #1039; dyn #7863)", async () => {
  await using s = await warm(100);
  await s.pod.crash();
  s.pod.metrics = "process_start_time_seconds 200\n";
  await s.pod.restart();
  await until(async () => (await tokensKnown(s)) === 0);
  expect(await s.podStates()).toMatchObject([{ state: "healthy" }]);
});

it("forgets it as well when it is a request that finds the connection broken", async () => {
  await using s = await warm(100);
  let turn = 0;
  s.pod.answer = (seen, response) => {
    if (turn++ > 0) return ok(seen, response);
    s.pod.metrics = "process_start_time_seconds 200\n";
    response.destroy();
  };
  await (await s.post(PROMPT)).body.dump();
  await until(async () => (await tokensKnown(s)) === 0);
  expect(await s.podStates()).toMatchObject([{ state: "healthy" }]);
});

it("keeps what a pod holds that only closed its idle connections", async () => {
  await using s = await warm(100);
  const reads = s.pod.metricsReads;
  await s.pod.crash();
  await s.pod.restart();
  await until(() => s.pod.metricsReads > reads);
  // What is known once another request has come and gone: the page of the last probe has been read by then.
  await (await s.post(PROMPT)).body.dump();
  expect(await tokensKnown(s)).toBeGreaterThan(50);
});

it("forgets all, or what one pod holds, when told to (EVICT-07: py-inference-scheduler #35)", async () => {
  const router = createFunctionRouter({ seed: 1, tokenizer: cl100k });
  await using s = await scene(2, { router });
  const forget = async (query: string): Promise<[number, unknown]> => {
    const { statusCode, body } = await request(`${s.router.adminUrl}/admin/tree${query}`, { method: "DELETE" });
    return [statusCode, await body.json()];
  };
  const names = s.pods.map(({ name }) => name);
  for (const prompt of ["wombat ".repeat(50), "possum ".repeat(60)])
    await (await s.post(completion(prompt))).body.dump();
  const known = await tokensKnown(s);
  expect(await forget(`?pod=${names[0]}`)).toEqual([200, { forgotten: [names[0]] }]);
  const left = await tokensKnown(s);
  expect(await forget(`?pod=${encodeURIComponent(s.pods[1]?.url ?? "")}`)).toEqual([200, { forgotten: [names[1]] }]);
  expect([left < known, await tokensKnown(s)]).toEqual([true, 0]);
  await (await s.post(PROMPT)).body.dump();
  expect(await forget("")).toEqual([200, { forgotten: names }]);
  expect(await tokensKnown(s)).toBe(0);
  expect(await forget("?pod=nobody")).toMatchObject([404, { error: { message: "There is no pod nobody." } }]);
});

it("says that there is nothing to forget, or to show, where a strategy goes by load alone", async () => {
  const router = createFunctionRouter({ seed: 1, tokenizer: cl100k, strategy: "least-request" });
  await using s = await scene(1, { router });
  for (const method of ["GET", "DELETE"] as const) {
    const { statusCode, body } = await request(`${s.router.adminUrl}/admin/tree`, { method });
    expect(statusCode).toBe(404);
    expect(await body.json()).toMatchObject({ error: { message: expect.stringMatching(/^This strategy /) } });
  }
});
