import * as fc from "fast-check";
import { expect, it } from "vitest";
import { parseToolCalls, ToolCallStream } from "./tool-calls.ts";

const CALL =
  '<tool_call>\n{"name": "get_weather", "arguments": {"city": "a \\"}\\" b", "days": [1, {"x": null}]}}\n</tool_call>';
const ARGUMENTS = '{"city": "a \\"}\\" b", "days": [1, {"x": null}]}';

interface Delta {
  readonly content: string | null;
  readonly tool_calls?: readonly {
    readonly index: number;
    readonly function: { readonly name?: string; readonly arguments?: string };
  }[];
}

function streamed(text: string, cuts: readonly number[]) {
  const stream = new ToolCallStream();
  const ends = [...new Set([...cuts.map((cut) => cut % text.length), text.length])].sort((a, b) => a - b);
  let at = 0;
  const deltas = ends.flatMap((end) => {
    const delta = stream.push(text.slice(at, end));
    at = end;
    return delta === undefined ? [] : [JSON.parse(delta) as Delta];
  });
  const calls = deltas.flatMap(({ tool_calls: told = [] }) => told);
  return {
    content: deltas.map(({ content }) => content ?? "").join(""),
    names: calls.flatMap(({ index, function: { name } }) => (name === undefined ? [] : [[index, name]])),
    arguments: [0, 1].map((one) =>
      calls
        .filter(({ index }) => index === one)
        .map((call) => call.function.arguments ?? "")
        .join(""),
    ),
  };
}

it("takes a whole answer apart, and leaves what is no call alone", () => {
  const { content, calls } = parseToolCalls(`Let me see. ${CALL}`);
  expect(content).toBe("Let me see. ");
  expect(calls).toMatchObject([{ type: "function", function: { name: "get_weather", arguments: ARGUMENTS } }]);
  expect(calls[0]?.id).toMatch(/^chatcmpl-tool-[0-9a-f]{16}$/);
  expect(parseToolCalls(CALL).content).toBeNull();
  for (const text of ["plain words", CALL.slice(0, 50), "<tool_call>{}</tool_call>"]) {
    expect(parseToolCalls(text)).toEqual({ content: text, calls: [] });
  }
});

it("tells the same calls however the text is cut", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(400)), fc.constantFrom("", "Well < then. "), (cuts, content) => {
      expect(streamed(`${content}${CALL}\n${CALL}`, cuts)).toEqual({
        content,
        names: [
          [0, "get_weather"],
          [1, "get_weather"],
        ],
        arguments: [ARGUMENTS, ARGUMENTS],
      });
    }),
  );
});

it("holds back what may become a tag, and nothing else", () => {
  const stream = new ToolCallStream();
  expect(stream.push("a <tool")).toBe('{"content":"a "}');
  expect(stream.push("box")).toBe('{"content":"<toolbox"}');
  expect(stream.called).toBe(false);
});
