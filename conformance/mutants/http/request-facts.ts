/** What the proxy needs to know of a request body. */
import type { RouteRequest } from "../../../fixtures/routing.ts";

export type Fields = Readonly<Record<string, unknown>>;

export interface RequestFacts {
  readonly fields: Fields;
  /** What it is matched as; undefined where it has no text. */
  readonly text: string | undefined;
  readonly route: Omit<RouteRequest, "requestId"> & { readonly prompt: string };
}

export interface Message {
  readonly role?: unknown;
  readonly content?: unknown;
}

/** Undefined when the body is no JSON object. */
export function fieldsOf(body: Buffer): Fields | undefined {
  try {
    const value: unknown = JSON.parse(body.toString());
    return typeof value === "object" && value !== null ? (value as Fields) : undefined;
  } catch {
    return undefined;
  }
}

/** Undefined when it is no chat. */
export function messagesOf({ messages }: Fields): readonly Message[] | undefined {
  const isMessage = (value: unknown): value is Message => typeof value === "object" && value !== null;
  return Array.isArray(messages) ? messages.filter(isMessage) : undefined;
}

/** As a chat template writes it. */
export const chatText = (messages: readonly Message[]): string =>
  messages.map((message) => `<${String(message.role)}>${contentText(message)}<end>`).join("");

/** Text parts read on from one another; what is no text stands as it is spelt. */
export function contentText({ content }: Message): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return JSON.stringify(content) ?? "";
  const textOf = (part: { readonly text?: unknown } | null): string =>
    typeof part?.text === "string" ? part.text : JSON.stringify(part);
  return content.map(textOf).join("");
}
