import { expect, it } from "vitest";
import { createPod } from "../../pod/in-process.ts";

async function queued(body: object): Promise<number[]> {
  const pod = createPod({ flags: { "scheduling-policy": "priority" } });
  pod.hold();
  const gone = new AbortController();
  const request = new Request("http://any.host/v1/completions", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: pod.model, max_tokens: 8, temperature: 1, ...body }),
    signal: gone.signal,
  });
  const reply = pod.fetch(request).catch(() => undefined);
  await expect.poll(() => pod.queue()).toHaveLength(12);
  const numbers = pod.queue().map((id) => Number(id.slice(1)));
  gone.abort();
  await reply;
  return numbers.map((number) => number - Math.min(...numbers));
}

it("samples of one call arrive at once: under priority their ids decide, as text that starts with the sample", async () => {
  expect(await queued({ prompt: "hello", n: 12 })).toEqual([0, 10, 11, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

it("so do the prompts of one call, whose numbers end their ids", async () => {
  const prompt = Array.from({ length: 12 }, (_, index) => `hello ${index}`);
  expect(await queued({ prompt })).toEqual([0, 1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9]);
});
