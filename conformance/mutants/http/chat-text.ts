/** The one text that a chat is matched as: written by a template, or in ways that lose what tells chats apart. */
import type { HttpFault } from "./http-fault.ts";

export interface Message {
  readonly role?: unknown;
  readonly content?: unknown;
}

export function chatText(messages: readonly Message[], fault: HttpFault | undefined): string {
  const contents = messages.map(({ content }) => (typeof content === "string" ? content : partsText(content, fault)));
  if (fault === "drops-roles") return contents.map((content) => `<turn>${content}<end>`).join("");
  if (fault === "runs-messages-together") return contents.join("");
  const turns = messages.map(({ role }, index) => `<${String(role)}>${contents[index]}<end>`);
  return fault === "matches-the-first-message" ? (turns[0] ?? "") : turns.join("");
}

/** Text parts read on from one another; what is no text stands as it is spelt. */
function partsText(content: unknown, fault: HttpFault | undefined): string {
  if (fault === "ignores-content-parts") return "";
  if (!Array.isArray(content)) return JSON.stringify(content) ?? "";
  const textOf = (part: { readonly text?: unknown } | null): string =>
    typeof part?.text === "string" ? part.text : JSON.stringify(part);
  return content.map(textOf).join("");
}
