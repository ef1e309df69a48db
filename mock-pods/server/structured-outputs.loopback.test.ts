import OpenAI from "openai";
import { fetch as undiciFetch } from "undici";
import { afterAll, expect, it } from "vitest";
import { startFleet } from "../fleet/fleet.ts";

const fleet = await startFleet({
  pods: "a6000:1",
  model: "m",
  speed: 100,
  flags: { "tool-call-parser": "hermes", "enable-auto-tool-choice": true },
});
afterAll(() => fleet.close());
const client = new OpenAI({
  baseURL: `${fleet.pod(0).url}/v1`,
  apiKey: "none",
  maxRetries: 0,
  fetch: undiciFetch as unknown as typeof fetch,
});

const messages = [{ role: "user" as const, content: "weather?" }];
const parameters = {
  type: "object",
  properties: { city: { type: "string" }, days: { type: "integer", minimum: 2 } },
  required: ["city", "days"],
};
const tools = [{ type: "function" as const, function: { name: "get_weather", parameters } }];
const named = { type: "function" as const, function: { name: "get_weather" } };

it("answers with JSON of the schema that was asked for", async () => {
  const format = { type: "json_schema" as const, json_schema: { name: "w", schema: parameters } };
  const { choices, usage } = await client.chat.completions.create({ model: "m", messages, response_format: format });
  expect(JSON.parse(choices[0]?.message.content ?? "")).toEqual({ city: "the", days: 2 });
  expect(choices[0]?.finish_reason).toBe("stop");
  expect(usage?.completion_tokens).toBeGreaterThan(5);
});

it("cuts it where max_tokens does, as a grammar cannot know", async () => {
  const format = { type: "json_object" as const };
  const { choices } = await client.chat.completions.create({
    model: "m",
    messages,
    response_format: format,
    max_tokens: 1,
  });
  expect(choices[0]?.finish_reason).toBe("length");
});

it.each([
  [{ choice: ["yes", "no"] }, "yes"],
  [{ regex: "[0-9]{3}-[A-Z]" }, "000-A"],
  [{ json: { enum: ["red", "blue"] } }, '"red"'],
])("says what structured_outputs %j leaves", async (outputs, text) => {
  const asked = { model: "m", prompt: "hi", max_tokens: 64, structured_outputs: outputs };
  expect((await client.completions.create(asked)).choices[0]?.text).toBe(text);
});

it.each([
  ["required", "tool_calls"],
  [named, "stop"],
] as const)("calls a tool when tool_choice is %j, whole and streamed", async (tool_choice, finish) => {
  const asked = { model: "m", messages, tools, tool_choice };
  const { choices } = await client.chat.completions.create(asked);
  const [call] = choices[0]?.message.tool_calls ?? [];
  expect([choices[0]?.message.content, choices[0]?.finish_reason]).toEqual(["", finish]);
  expect(call).toMatchObject({
    type: "function",
    function: { name: "get_weather", arguments: '{"city": "the", "days": 2}' },
  });
  const stream = await client.chat.completions.create({ ...asked, stream: true });
  let text = "";
  const names: string[] = [];
  const reasons: (string | null | undefined)[] = [];
  for await (const chunk of stream) {
    reasons.push(chunk.choices[0]?.finish_reason);
    for (const { function: told } of chunk.choices[0]?.delta.tool_calls ?? []) {
      text += told?.arguments ?? "";
      if (told?.name !== undefined) names.push(told.name);
    }
  }
  expect([names, JSON.parse(text), reasons.at(-1)]).toEqual([["get_weather"], { city: "the", days: 2 }, finish]);
});

it("speaks plain words when the model may choose", async () => {
  const { choices } = await client.chat.completions.create({ model: "m", messages, tools, max_tokens: 5 });
  expect([choices[0]?.message.tool_calls, choices[0]?.finish_reason]).toEqual([undefined, "length"]);
  expect(choices[0]?.message.content).toMatch(/^the /);
});
