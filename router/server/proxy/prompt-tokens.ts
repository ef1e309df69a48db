/**
 * What of a request the prefix decision sees: token ids of the whole prompt, with boundaries that no text can forge.
 *
 * - `prompt` as a string: its tokens, nothing else. As ids: the ids. As a list of either: one after the other, a
 *   boundary between two.
 * - `messages`: for each, START role SEP content END; the text parts of a content array are joined by a newline, as
 *   vLLM does for templates that take strings; any other part is PART, its type and a digest of its payload. Tools come
 *   first, tool calls after the content, as JSON, for that is where chat templates put them.
 *
 * Boundaries are ids above every vocabulary. So `["ab","c"]` and `["a","bc"]` differ, a system text is no user text, and
 * a prompt that spells `<|im_start|>` is ordinary text.
 */
import { createHash } from "node:crypto";
import type { SegmentCache } from "./segment-cache.ts";

/** No vocabulary comes near 2^31. */
const BOUNDARY = {
  prompt: boundary(0),
  messageStart: boundary(1),
  messageText: boundary(2),
  messageEnd: boundary(3),
  part: boundary(4),
  toolCalls: boundary(5),
} as const;

/** Text beyond this many UTF-16 units decides nothing: it is past the context of the models served. */
const MAX_PROMPT_CHARS = 2 ** 20;

export class PromptReader {
  readonly #segments: SegmentCache;

  constructor(segments: SegmentCache) {
    this.#segments = segments;
  }

  /** Ids of a completion's `prompt`; none when it is of no known form, which the pod will say better. */
  completion(prompt: unknown): Int32Array {
    const out = new TokenList(this.#segments);
    if (typeof prompt === "string") out.text(prompt);
    else if (Array.isArray(prompt)) {
      if (typeof prompt[0] === "number") out.ids(prompt);
      else {
        for (const [index, one] of prompt.entries()) {
          if (index > 0) out.boundary(BOUNDARY.prompt);
          if (typeof one === "string") out.text(one);
          else if (Array.isArray(one)) out.ids(one);
        }
      }
    }
    return out.toArray();
  }

  /** Ids of a chat. */
  chat(body: { readonly messages?: unknown; readonly tools?: unknown }): Int32Array {
    const out = new TokenList(this.#segments);
    if (Array.isArray(body.tools) && body.tools.length > 0) {
      out.boundary(BOUNDARY.messageStart);
      out.text("tools");
      out.boundary(BOUNDARY.messageText);
      out.json(body.tools);
      out.boundary(BOUNDARY.messageEnd);
    }
    if (Array.isArray(body.messages)) {
      for (const message of body.messages) {
        if (typeof message === "object" && message !== null) addMessage(out, message as Record<string, unknown>);
      }
    }
    return out.toArray();
  }
}

function addMessage(out: TokenList, message: Record<string, unknown>): void {
  out.boundary(BOUNDARY.messageStart);
  for (const key of ["role", "name", "tool_call_id"]) {
    const value = message[key];
    if (typeof value === "string") out.text(value);
  }
  out.boundary(BOUNDARY.messageText);
  addContent(out, message["content"]);
  if (Array.isArray(message["tool_calls"]) && message["tool_calls"].length > 0) {
    out.boundary(BOUNDARY.toolCalls);
    out.json(message["tool_calls"]);
  }
  out.boundary(BOUNDARY.messageEnd);
}

function addContent(out: TokenList, content: unknown): void {
  if (typeof content === "string") return out.text(content);
  if (!Array.isArray(content)) return;
  let texts: string[] = [];
  const flush = (): void => {
    if (texts.length > 0) out.text(texts.join("\n"));
    texts = [];
  };
  for (const part of content) {
    const text: unknown = typeof part === "string" ? part : (part as { text?: unknown } | null)?.text;
    if (typeof text === "string") texts.push(text);
    else {
      flush();
      out.part(part);
    }
  }
  flush();
}

class TokenList {
  readonly #segments: SegmentCache;
  readonly #pieces: ArrayLike<number>[] = [];
  #length = 0;
  #charsLeft = MAX_PROMPT_CHARS;

  constructor(segments: SegmentCache) {
    this.#segments = segments;
  }

  text(text: string): void {
    if (this.#charsLeft <= 0) return;
    const seen = text.length > this.#charsLeft ? text.slice(0, this.#charsLeft) : text;
    this.#charsLeft -= seen.length;
    for (const piece of this.#segments.encode(seen)) this.#add(piece);
  }

  /** What a client calls ids may be anything: arrays nested a thousand deep, too, whose conversion overflows the stack. */
  ids(ids: readonly unknown[]): void {
    this.#add(ids.filter((id) => typeof id === "number"));
  }

  boundary(id: number): void {
    this.#add([id]);
  }

  json(value: unknown): void {
    this.text(jsonText(value));
  }

  /** Something that is not text: its type, and 120 bits of what it holds. */
  part(part: unknown): void {
    const digest = createHash("sha256").update(jsonText(part)).digest();
    this.#add([BOUNDARY.part, ...[0, 3, 6, 9, 12].map((at) => digest.readUIntBE(at, 3))]);
  }

  toArray(): Int32Array {
    const all = new Int32Array(this.#length);
    let at = 0;
    for (const piece of this.#pieces) {
      all.set(piece, at);
      at += piece.length;
    }
    return all;
  }

  #add(piece: ArrayLike<number>): void {
    this.#pieces.push(piece);
    this.#length += piece.length;
  }
}

/** `JSON.stringify` recurses: what is nested too deep for it is too deep to be a prompt, and all such are alike. */
function jsonText(value: unknown): string {
  try {
    return JSON.stringify(value) ?? "";
  } catch {
    return "nested too deep";
  }
}

function boundary(index: number): number {
  return 0x7fff0000 + index;
}
