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

export const writtenAgain = (body: Buffer): Buffer => Buffer.from(JSON.stringify(objectIn(body)));

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
