/** From messages to a prompt: the chat template, and what vLLM refuses about it. */
import type { ChatMessage, ContentPart } from "../../fixtures/wire/chat-messages.ts";
import { badRequest } from "../../fixtures/wire/errors.ts";
import type { PodContext } from "./pod-context.ts";
import type { PromptRenderer, RenderedPrompt } from "./prompt-rendering.ts";

/** The part of a chat request that shapes its prompt; `/tokenize` has it too. */
export interface Conversation {
  readonly messages: readonly ChatMessage[];
  readonly tools?: readonly unknown[] | null;
  readonly documents?: readonly unknown[] | null;
  readonly add_generation_prompt?: boolean;
  readonly continue_final_message?: boolean;
  readonly chat_template?: string | null;
  readonly chat_template_kwargs?: Readonly<Record<string, unknown>> | null;
  readonly reasoning_effort?: string | null;
}

/** @throws {Refusal} */
export function renderConversation(
  pod: PodContext,
  conversation: Conversation,
  renderer: PromptRenderer,
): RenderedPrompt {
  const template = conversation.chat_template ?? conversation.chat_template_kwargs?.["chat_template"] ?? undefined;
  if (template !== undefined && !pod.settings.trustChatTemplate) {
    throw badRequest(
      "Chat template is passed with request, but --trust-request-chat-template is not set. " +
        "Refused request with untrusted chat template.",
    );
  }
  if (conversation.messages.length === 0) {
    throw badRequest("Cannot apply chat template to an empty conversation. Provide at least one message.");
  }
  return renderer.text(templated(pod, conversation, template));
}

function templated(pod: PodContext, conversation: Conversation, template: unknown): string {
  try {
    const format = pod.tokenizer.contentFormat(typeof template === "string" ? template : undefined);
    return pod.tokenizer.renderChat(conversation.messages.map(format === "openai" ? inParts : flatten), {
      addGenerationPrompt: conversation.add_generation_prompt ?? true,
      continueFinalMessage: conversation.continue_final_message ?? false,
      ...(typeof template === "string" ? { template } : {}),
      ...(conversation.tools ? { tools: conversation.tools } : {}),
      ...(conversation.documents ? { documents: conversation.documents } : {}),
      extra: { ...conversation.chat_template_kwargs, reasoning_effort: conversation.reasoning_effort ?? null },
    });
  } catch (error) {
    // A template refuses a conversation by raising; vLLM hands its words on.
    throw badRequest((error as Error).message);
  }
}

/** Every content becomes a list of text parts, for templates that iterate over them. */
function inParts(message: ChatMessage): object {
  const { content } = message;
  const parts = typeof content === "string" ? [content] : (content ?? []);
  return { ...message, content: parts.map((part) => ({ type: "text", text: partText(part) })) };
}

/** Text parts become one text, a line each, as vLLM gives them to templates that expect strings. */
function flatten(message: ChatMessage): object {
  const { content } = message;
  if (!Array.isArray(content)) return { ...message, content: content ?? "" };
  return { ...message, content: (content as readonly ContentPart[]).map(partText).join("\n") };
}

function partText(part: ContentPart): string {
  return typeof part === "string" ? part : (part.text ?? "");
}
