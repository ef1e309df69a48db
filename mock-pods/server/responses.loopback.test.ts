/** `/v1/responses` as OpenAI's own client sees it. */
import OpenAI from "openai";
import { afterAll, expect, it } from "vitest";
import { startFleet } from "../fleet/fleet.ts";

const fleet = await startFleet({
  pods: "a6000:1",
  model: "m",
  speed: 100,
  flags: { "tool-call-parser": "hermes", "enable-auto-tool-choice": true },
});
afterAll(() => fleet.close());
const client = new OpenAI({ baseURL: `${fleet.pod(0).url}/v1`, apiKey: "none", maxRetries: 0 });

const parameters = { type: "object", properties: { city: { enum: ["Oslo"] } }, required: ["city"] };
const tool = { type: "function" as const, name: "get_weather", parameters, strict: true };
const note = { type: "custom" as const, name: "note" };
const called = { input: "weather?", model: "m", tools: [tool], tool_choice: "required" as const };

it("calls a function, and takes what it gave as the next turn's input", async () => {
  const first = await client.responses.create(called);
  const [call] = first.output;
  expect(call).toMatchObject({ type: "function_call", name: "get_weather", arguments: '{"city": "Oslo"}' });
  if (call?.type !== "function_call") throw new Error("no call");
  const second = await client.responses.create({
    model: "m",
    input: [
      { role: "user", content: "weather?" },
      call,
      { type: "function_call_output", call_id: call.call_id, output: "rain" },
    ],
    max_output_tokens: 5,
  });
  expect(second.output_text).toMatch(/^\w+ /);
  expect([second.usage?.output_tokens, second.incomplete_details?.reason]).toEqual([5, "max_output_tokens"]);
});

it.each([
  [tool, '{"city":"Oslo"}', "response.function_call_arguments.delta"],
  [note, "the", "response.custom_tool_call_input.delta"],
])("streams a call as it grows: %j", async (offered, given, event) => {
  const stream = await client.responses.create({ ...called, tools: [offered], stream: true });
  let told = "";
  const kinds: string[] = [];
  for await (const { type, ...rest } of stream) {
    if (kinds.at(-1) !== type) kinds.push(type);
    if (type === event) told += (rest as { delta: string }).delta;
  }
  expect(told).toBe(given);
  expect(kinds.map((kind) => kind.replace("response.", ""))).toEqual([
    "created",
    "in_progress",
    "output_item.added",
    event.replace("response.", ""),
    event.replace("response.", "").replace("delta", "done"),
    "output_item.done",
    "completed",
  ]);
});

it("tells a text's format, and the likeliest of its tokens", async () => {
  const format = { type: "json_schema" as const, name: "w", schema: parameters };
  const { output_text: said, text } = await client.responses.create({ input: "x", model: "m", text: { format } });
  expect([JSON.parse(said), text?.format]).toMatchObject([{ city: "Oslo" }, { ...format, strict: null }]);
  const include = ["message.output_text.logprobs" as const];
  const { output } = await client.responses.create({
    input: "x",
    model: "m",
    include,
    top_logprobs: 2,
    max_output_tokens: 3,
  });
  const [message] = output;
  if (message?.type !== "message" || message.content[0]?.type !== "output_text") throw new Error("no text");
  expect(message.content[0].logprobs?.map(({ top_logprobs: top }) => top.length)).toEqual([2, 2, 2]);
});

it("refuses an item that is none, in a message of a line for each of ten", async () => {
  const input = [{ role: "nobody" }] as unknown as string;
  await expect(client.responses.create({ input, model: "m" })).rejects.toMatchObject({
    status: 400,
    message: expect.stringMatching(/^400 \d+ validation errors:\n(.*\n){10} {2}\.\.\.and \d+ more errors$/),
  });
});
