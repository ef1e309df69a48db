import { request } from "undici";
import { expect, it } from "vitest";
import { EventParser } from "../../fixtures/wire/server-sent-events.ts";
import { startFleet } from "../fleet.ts";

async function ask(version: string, body: object): Promise<{ status: number; text: string }> {
  await using fleet = await startFleet({
    pods: "a6000:1",
    model: "m",
    speed: 100,
    flags: { "vllm-version": version, "max-model-len": 64 },
  });
  const { statusCode, body: answer } = await request(`${fleet.pod(0).url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { status: statusCode, text: await answer.text() };
}

it.each([
  [
    "0.7",
    '{"object":"error","message":"The model `x` does not exist.","type":"NotFoundError","param":null,"code":404}',
  ],
  ["0.28", '{"error":{"message":"The model `x` does not exist.","type":"NotFoundError","param":"model","code":404}}'],
  [
    "0.32",
    '{"error":{"message":"The model `x` does not exist. Valid aliases: m.","type":"NotFoundError","param":"model","code":404}}',
  ],
])("refuses an unknown model as %s did", async (version, text) => {
  expect(await ask(version, { model: "x", prompt: "hi" })).toEqual({ status: 404, text });
});

it("cuts an answer that does not fit, which 0.28 refused", async () => {
  const body = { prompt: Array.from({ length: 60 }, (_, id) => id + 10), max_tokens: 10 };
  const { status, text } = await ask("0.32", body);
  expect([status, JSON.parse(text)]).toMatchObject([200, { usage: { completion_tokens: 4 } }]);
  const refused = await ask("0.28", body);
  expect(refused.status).toBe(400);
  expect(refused.text).toContain("you requested 10 output tokens and your prompt contains 60 input tokens");
});

it("streams the keys that 0.7 had", async () => {
  const { text } = await ask("0.7", { prompt: "hi", max_tokens: 1, stream: true });
  const [chunk = ""] = new EventParser().push(new TextEncoder().encode(text));
  expect(Object.keys(JSON.parse(chunk) as object)).toEqual(["id", "object", "created", "model", "choices", "usage"]);
  const [choice] = (JSON.parse(chunk) as { choices: object[] }).choices;
  expect(Object.keys(choice ?? {})).toEqual(["index", "text", "logprobs", "finish_reason", "stop_reason"]);
});

it("names the versions there are when asked for another", async () => {
  await expect(ask("0.9", { prompt: "hi" })).rejects.toThrow('vllm-version "0.9"; there are 0.7, 0.10, 0.28, 0.32');
});
