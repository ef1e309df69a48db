/**
 * Calls in what a model says, as vLLM's Hermes parser finds them (`tool_parsers/hermes_tool_parser.py`, 0.32): JSON between
 * `<tool_call>` and `</tool_call>`. Whole answers are taken apart at once; a stream tells a call's name as soon as it is
 * complete, and its arguments as they grow.
 */
import { randomHex } from "../../random-id.ts";

const BEGIN = "<tool_call>";
const END = "</tool_call>";

export interface ToolCall {
  readonly id: string;
  readonly type: "function";
  readonly function: { readonly name: string; readonly arguments: string };
}

export interface ParsedAnswer {
  /** Null when a call is all there is. */
  readonly content: string | null;
  readonly calls: readonly ToolCall[];
}

/** The key order is the wire's. */
export interface CallNews {
  readonly id?: string;
  readonly type?: "function";
  readonly index: number;
  readonly function: { readonly name?: string; readonly arguments?: string };
}

/** What cannot be read as calls is content, all of it. */
export function parseToolCalls(text: string): ParsedAnswer {
  const begin = text.indexOf(BEGIN);
  if (begin < 0) return { content: text, calls: [] };
  try {
    const calls = regions(text).map(({ json }) => {
      const { name, arguments: given } = JSON.parse(json) as { name: string; arguments: unknown };
      if (given === undefined) throw new SyntaxError("no arguments");
      return { id: callId(), type: "function" as const, function: { name, arguments: pythonJson(given) } };
    });
    return { content: begin === 0 ? null : text.slice(0, begin), calls };
  } catch {
    return { content: text, calls: [] };
  }
}

/** One choice's stream. */
export class ToolCallStream {
  #text = "";
  #sentContent = 0;
  readonly #names: string[] = [];
  readonly #sentArguments: string[] = [];

  get called(): boolean {
    return this.#names.length > 0;
  }

  /** The `delta` of the next chunk as JSON; undefined while there is nothing new to tell. */
  push(text: string): string | undefined {
    const { content, calls } = this.take(text);
    if (calls.length > 0) return JSON.stringify({ content, tool_calls: calls });
    return content === null ? undefined : JSON.stringify({ content });
  }

  /** What is new: content, and of each call its name once and its arguments as they grow. */
  take(text: string): { readonly content: string | null; readonly calls: readonly CallNews[] } {
    this.#text += text;
    const content = this.#newContent();
    return { content, calls: regions(this.#text).flatMap(({ json }, index) => this.#news(json, index)) };
  }

  /** Text before the first call, but for what may be the beginning of its tag. */
  #newContent(): string | null {
    const begin = this.#text.indexOf(BEGIN);
    const end = begin < 0 ? this.#text.length - overlap(this.#text, BEGIN) : begin;
    if (end <= this.#sentContent) return null;
    const content = this.#text.slice(this.#sentContent, end);
    this.#sentContent = end;
    return content;
  }

  #news(json: string, index: number): CallNews[] {
    const news: CallNews[] = [];
    if (this.#names[index] === undefined) {
      const name = /"name"\s*:\s*"([^"]+)"/.exec(json)?.[1];
      if (name === undefined || index > this.#names.length) return news;
      this.#names[index] = name;
      news.push({ id: callId(), type: "function", index, function: { name } });
    }
    const sent = this.#sentArguments[index] ?? "";
    const known = argumentsIn(json);
    if (known.length <= sent.length) return news;
    this.#sentArguments[index] = known;
    return [...news, { index, function: { arguments: known.slice(sent.length) } }];
  }
}

/** The JSON of every call that has begun; the last one may be unfinished. */
function regions(text: string): { readonly json: string }[] {
  const found: { json: string }[] = [];
  for (let at = text.indexOf(BEGIN); at >= 0;) {
    const from = at + BEGIN.length;
    const end = text.indexOf(END, from);
    const raw = end < 0 ? text.slice(from, text.length - overlap(text.slice(from), END)) : text.slice(from, end);
    found.push({ json: raw.trim() });
    at = end < 0 ? -1 : text.indexOf(BEGIN, end);
  }
  return found;
}

/** The value of `arguments` as far as it has come, without the brace that closes the call. */
function argumentsIn(json: string): string {
  const begin = /"arguments"\s*:\s*/.exec(json);
  if (begin === null) return "";
  const raw = json.slice(begin.index + begin[0].length);
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < raw.length; at++) {
    const character = raw[at] as string;
    if (quoted && character === "\\") at++;
    else if (character === '"') quoted = !quoted;
    else if (!quoted && "{[".includes(character)) depth++;
    else if (!quoted && "}]".includes(character) && --depth === 0) return raw.slice(0, at + 1);
  }
  return raw;
}

/** How much of the end of `text` may be the beginning of `tag`. */
function overlap(text: string, tag: string): number {
  for (let length = Math.min(text.length, tag.length - 1); length > 0; length--) {
    if (text.endsWith(tag.slice(0, length))) return length;
  }
  return 0;
}

/** As Python's `json.dumps` spaces it. */
function pythonJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(", ")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([key, item]) => `${JSON.stringify(key)}: ${pythonJson(item)}`)
    .join(", ")}}`;
}

function callId(): string {
  return `chatcmpl-tool-${randomHex(16)}`;
}
