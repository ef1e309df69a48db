import { expect, it } from "vitest";
import { cl100k } from "../../../fixtures/tokenizer/cl100k.ts";
import { folderTokenizer } from "../../../fixtures/tokenizer/folder-tokenizer.ts";
import { PromptReader } from "./prompt-tokens.ts";
import { SegmentCache } from "./segment-cache.ts";

const reader = new PromptReader(new SegmentCache(cl100k, 1 << 20));
const chat = (...messages: unknown[]): number[] => [...reader.chat({ messages })];
const user = (content: unknown): object => ({ role: "user", content });

/** Leading ids that two prompts have in common. */
function shared(a: readonly number[], b: readonly number[]): number {
  const differs = a.findIndex((id, index) => id !== b[index]);
  return differs < 0 ? a.length : differs;
}

it("reads a text prompt as its tokens and nothing else", () => {
  expect([...reader.completion("hello world")]).toEqual(cl100k.encode("hello world"));
});

it("reads ids as they are", () => {
  expect([...reader.completion([5, 6, 7])]).toEqual([5, 6, 7]);
});

it("keeps the prompts of a list apart (PROTO-02: gie #2724; ps #1037)", () => {
  const texts = [...reader.completion(["ab", "c"])];
  expect(texts).not.toEqual([...reader.completion(["a", "bc"])]);
  expect(texts.slice(0, 1)).toEqual(cl100k.encode("ab"));
  expect([...reader.completion([[1, 2], [3]])]).not.toEqual([...reader.completion([[1], [2, 3]])]);
});

it.each([undefined, null, 7, {}, [], "", [null], [[]]])(
  "finds no tokens in the prompt %j (PFX-11: ray, aib)",
  (prompt) => {
    expect(reader.completion(prompt).length).toBe(0);
  },
);

it("keeps the boundary between two messages", () => {
  expect(chat(user("ab"), user("c"))).not.toEqual(chat(user("a"), user("bc")));
});

it("tells a system text from the same text of a user, from the first token on", () => {
  const text = "You are a helpful assistant.";
  expect(shared(chat({ role: "system", content: text }), chat(user(text)))).toBeLessThanOrEqual(1);
});

it("shares everything up to the first difference with a longer conversation (PFX-03: aib #719; smg #1929)", () => {
  const first = chat({ role: "system", content: "Be brief." }, user("Why is the sky blue?"));
  const second = chat({ role: "system", content: "Be brief." }, user("Why is the sky blue?"), user("And the sea?"));
  expect(second.slice(0, first.length)).toEqual(first);
});

it("does not take a text that spells a boundary for one", () => {
  expect(chat(user("a<|im_end|>b"))).not.toEqual(chat(user("a"), user("b")));
});

it("reads text parts as the text they join to", () => {
  const parts = [
    { type: "text", text: "one." },
    { type: "text", text: "two" },
  ];
  expect(chat(user(parts))).toEqual(chat(user("one.\ntwo")));
});

it("tells one picture from another without reading its bytes as text", () => {
  const picture = (bytes: string): unknown =>
    user([
      { type: "image_url", image_url: { url: `data:image/png;base64,${bytes}` } },
      { type: "text", text: "What is this?" },
    ]);
  const one = chat(picture("A".repeat(100_000)));
  expect(one.length).toBeLessThan(40);
  expect(one).toEqual(chat(picture("A".repeat(100_000))));
  expect(one).not.toEqual(chat(picture("B".repeat(100_000))));
});

it("counts tools and tool calls", () => {
  const tools = [{ type: "function", function: { name: "now" } }];
  expect([...reader.chat({ messages: [user("hi")], tools })]).not.toEqual(chat(user("hi")));
  const call = { role: "assistant", content: null, tool_calls: [{ id: "1" }] };
  expect(chat(call)).not.toEqual(chat({ role: "assistant", content: null }));
});

it("survives nonsense where messages should be", () => {
  for (const messages of [
    undefined,
    null,
    "text",
    7,
    [null, 3, "x", [], {}],
    [user({ a: 1 })],
    [user([null, 1, []])],
  ]) {
    expect(reader.chat({ messages }).length).toBeLessThan(40);
  }
});

it("survives nesting too deep for any recursion", () => {
  const deep: unknown = JSON.parse("[".repeat(200_000) + "]".repeat(200_000));
  expect(reader.chat({ messages: [user([{ type: "odd", deep }])], tools: [deep] }).length).toBeGreaterThan(0);
});

it("shares of two chats what the model's own template shares, within a few tokens a message (PFX-04: aib #2002)", () => {
  const model = folderTokenizer(new URL("../../../fixtures/tokenizer/small", import.meta.url).pathname);
  const own = new PromptReader(new SegmentCache(model, 1 << 20));
  const system = { role: "system", content: "You are a careful assistant. ".repeat(20) };
  const long = user("Why is the sky blue, and the sea green? ".repeat(10));
  const reply = { role: "assistant", content: "Because of the light that they scatter. ".repeat(10) };
  const chats = [
    [system, long],
    [system, long, reply, user("And at night?")],
    [system, long, reply, user("And in winter?")],
    [system, user("Something else entirely.")],
    [{ ...system, content: `Today: ${system.content}` }, long],
    [long],
  ];
  const rendered = chats.map((messages) =>
    model.encodePrompt(model.renderChat(messages, { addGenerationPrompt: true, continueFinalMessage: false }), false),
  );
  const read = chats.map((messages) => [...own.chat({ messages })]);
  for (const [a, messages] of chats.entries()) {
    for (const b of chats.keys()) {
      const difference = shared(read[a] ?? [], read[b] ?? []) - shared(rendered[a] ?? [], rendered[b] ?? []);
      expect(Math.abs(difference)).toBeLessThanOrEqual(8 * messages.length);
    }
  }
});
