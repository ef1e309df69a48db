/** The `openai` package as people use it, against a pod and through the router: it must not be able to tell. */
import OpenAI, { BadRequestError, NotFoundError } from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cl100k } from "../../fixtures/tokenizer/cl100k.ts";
import { startFleet, type Fleet } from "../../mock-pods/index.ts";
import { createFunctionRouter, startRouter, type RunningRouter } from "../../router/index.ts";

const MODEL = "mock-model";
const MESSAGES = [{ role: "user" as const, content: "Which pod holds my prefix?" }];

let fleet: Fleet;
let router: RunningRouter;

beforeAll(async () => {
  fleet = await startFleet({ pods: "a6000:2", model: MODEL, speed: 20 });
  router = await startRouter({
    router: createFunctionRouter({ tokenizer: cl100k, seed: 1 }),
    pods: fleet.pods.map(({ name, url }) => ({ name, url })),
  });
});

afterAll(async () => {
  await router.close();
  await fleet.close();
});

describe.each([
  ["a pod", () => fleet.pods[0]?.url],
  ["the router", () => router.url],
] as const)("the openai client talks to %s", (_, url) => {
  const client = (): OpenAI => new OpenAI({ baseURL: `${url()}/v1`, apiKey: "none", maxRetries: 0 });

  it("lists the model", async () => {
    const models = await client().models.list();
    expect(models.data.map(({ id }) => id)).toEqual([MODEL]);
  });

  it("completes a prompt", async () => {
    const completion = await client().completions.create({ model: MODEL, prompt: "Once upon a time", max_tokens: 7 });
    expect(completion.usage).toMatchObject({ prompt_tokens: 4, completion_tokens: 7, total_tokens: 11 });
    expect(completion.choices[0]).toMatchObject({ index: 0, finish_reason: "length" });
    expect(completion.choices[0]?.text).not.toBe("");
  });

  it("streams a completion to the same text, and its usage", async () => {
    const ask = { model: MODEL, prompt: "Once upon a time", max_tokens: 9, seed: 4 } as const;
    const whole = await client().completions.create(ask);
    let text = "";
    let totalTokens: number | undefined;
    const stream = await client().completions.create({ ...ask, stream: true, stream_options: { include_usage: true } });
    for await (const { choices, usage } of stream) {
      text += choices[0]?.text ?? "";
      totalTokens = usage?.total_tokens ?? totalTokens;
    }
    expect(text).toBe(whole.choices[0]?.text);
    expect(totalTokens).toBe(whole.usage?.total_tokens);
  });

  it("chats, streamed and not", async () => {
    const chat = await client().chat.completions.create({ model: MODEL, messages: MESSAGES, max_completion_tokens: 5 });
    expect(chat.choices[0]?.message.role).toBe("assistant");
    expect(chat.usage?.completion_tokens).toBe(5);
    const stream = client().chat.completions.stream({ model: MODEL, messages: MESSAGES });
    const final = await stream.finalChatCompletion();
    expect(final.choices[0]?.message.content).not.toBe("");
    expect(final.choices[0]?.finish_reason).toBe("stop");
  });

  it("gets the client's own error classes", async () => {
    const unknown = client().completions.create({ model: "gpt-none", prompt: "x" });
    await expect(unknown).rejects.toBeInstanceOf(NotFoundError);
    const endless = client().completions.create({ model: MODEL, prompt: "x", max_tokens: 1_000_000 });
    await expect(endless).rejects.toBeInstanceOf(BadRequestError);
  });

  it("may leave a stream, and the pod drops the request", async () => {
    const before = fleet.journal().length;
    const controller = new AbortController();
    const stream = await client().completions.create(
      { model: MODEL, prompt: "A long story", max_tokens: 20_000, stream: true },
      { signal: controller.signal },
    );
    for await (const _chunk of stream) controller.abort();
    const entry = fleet.journal()[before];
    await expect.poll(() => fleet.journal()[before]?.ended?.how, { timeout: 10_000 }).toBe("disconnected");
    expect(fleet.pod(entry?.pod ?? "").stats().running).toBe(0);
  });
});
