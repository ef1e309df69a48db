/** What the proxy needs to know of a request body, and how its faults rewrite one. */
import type { RouteRequest } from "../../../fixtures/routing.ts";
import { chatText, type Message } from "./chat-text.ts";
import type { HttpFault } from "./http-fault.ts";

export interface RequestFacts {
  readonly route: Omit<RouteRequest, "requestId">;
  readonly promptIsText: boolean;
  readonly hasContentParts: boolean;
}

/** Undefined when the body is no JSON object. */
export function factsOf(body: Buffer, fault: HttpFault | undefined): RequestFacts | undefined {
  const fields = objectIn(body);
  if (fields === undefined) return undefined;
  const { model, prompt, messages, cache_salt: cacheSalt } = fields;
  const chat = Array.isArray(messages) ? messages.filter(isMessage) : undefined;
  const text = typeof prompt === "string" ? prompt : chat && chatText(chat, fault);
  return {
    route: {
      model: typeof model === "string" ? model : "",
      // Whatever has no text is matched as the bytes that were sent.
      prompt: text === undefined || fault === "matches-raw-json" ? body.toString("latin1") : text,
      ...(typeof cacheSalt === "string" ? { cacheSalt } : {}),
    },
    promptIsText: prompt === undefined || typeof prompt === "string",
    hasContentParts: chat?.some(({ content }) => typeof content !== "string") ?? false,
  };
}

const isMessage = (value: unknown): value is Message => typeof value === "object" && value !== null;

const KNOWN_FIELDS = ["model", "prompt", "messages", "max_tokens", "stream", "temperature", "cache_salt"];

export function withKnownFieldsOnly(body: Buffer): Buffer {
  const known = Object.entries(objectIn(body) ?? {}).filter(([name]) => KNOWN_FIELDS.includes(name));
  return Buffer.from(JSON.stringify(Object.fromEntries(known)));
}

type Fields = Readonly<Record<string, unknown>>;

/** Parsed and written anew, with a change to its fields. */
export function writtenAgain(body: Buffer, change: (fields: Fields) => Fields = (fields) => fields): Buffer {
  const fields = objectIn(body);
  return Buffer.from(JSON.stringify(fields === undefined ? fields : change(fields)));
}

export const countsAsked = (fields: Fields): Fields =>
  fields["stream"] === true ? { ...fields, stream_options: { include_usage: true } } : fields;

export function firstOfList(fields: Fields): Fields {
  const { prompt } = fields;
  return Array.isArray(prompt) && typeof prompt[0] === "string" ? { ...fields, prompt: prompt[0] } : fields;
}

/** What was an error's body, as the message of another. */
export const wrapped = (body: Buffer): Buffer =>
  Buffer.from(JSON.stringify({ error: { message: body.toString(), type: "upstream_error" } }));

/** Whether two UTF-8 texts differ first in the middle of a character. */
export function partsInsideCharacter(a: Buffer, b: Buffer): boolean {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  const continues = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80;
  return continues(a[length]) && continues(b[length]);
}

function objectIn(body: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body.toString());
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
