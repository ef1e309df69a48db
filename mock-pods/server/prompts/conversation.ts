/** From messages to a prompt: the chat template, and what vLLM refuses about it. */
import type { ChatMessage } from "../../../fixtures/wire/chat-messages.ts";
import { contentTexts } from "../../../fixtures/wire/content-parts.ts";
import { Refusal, badRequest } from "../../../fixtures/wire/errors.ts";
import { truthy } from "../../../fixtures/wire/raw-body.ts";
import { parsePythonJson, PythonJsonError } from "../../../fixtures/wire/validation/python-json.ts";
import { NOTHING_TO_CONTINUE } from "../../../fixtures/tokenizer/chat-template.ts";
import type { PodContext } from "../pod-context.ts";
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
  readonly mm_processor_kwargs?: Readonly<Record<string, unknown>> | null;
  readonly media_io_kwargs?: Readonly<Record<string, unknown>> | null;
}

/** What the template itself, or who applies it, raised. */
class TemplateRefusal extends Refusal {
  constructor(message: string) {
    super(400, "BadRequestError", message);
  }
}

/** @throws {Refusal} in 2025 with the exception's cause, which for a template's was the exception once more */
export function renderConversation(
  pod: PodContext,
  conversation: Conversation,
  renderer: PromptRenderer,
): RenderedPrompt {
  if (pod.settings.version.prompts.rules !== "2025") return rendered(pod, conversation, renderer);
  try {
    return rendered(pod, conversation, renderer);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const cause = error instanceof TemplateRefusal ? error.plainMessage : "None";
    throw new Refusal(error.status, error.type, `${error.plainMessage} ${cause}`);
  }
}

function rendered(pod: PodContext, conversation: Conversation, renderer: PromptRenderer): RenderedPrompt {
  refuseMediaOptions(pod, conversation);
  const template = refuseTemplate(pod, conversation);
  if (conversation.messages.length === 0) {
    throw new TemplateRefusal(
      pod.settings.version.prompts.rules !== "now"
        ? "list index out of range"
        : "Cannot apply chat template to an empty conversation. Provide at least one message.",
    );
  }
  return renderer.text(templated(pod, conversation, template));
}

/** The request's own template, from those who are trusted with one. @throws {Refusal} */
export function refuseTemplate(
  { settings }: PodContext,
  { chat_template: own, chat_template_kwargs: others }: Pick<Conversation, "chat_template" | "chat_template_kwargs">,
): unknown {
  const template = own ?? others?.["chat_template"] ?? undefined;
  if (template === undefined || settings.trustChatTemplate) return template;
  throw badRequest(
    "Chat template is passed with request, but --trust-request-chat-template is not set. " +
      "Refused request with untrusted chat template.",
  );
}

/** What a request may say about images and sound, where nothing but chats knows it: of any type. */
export interface MediaOptions {
  readonly mm_processor_kwargs?: unknown;
  readonly media_io_kwargs?: unknown;
}

/** They could cost a server much, and are trusted only by a flag. @throws {Refusal} */
export function refuseMediaOptions(
  { settings }: PodContext,
  { mm_processor_kwargs: processing, media_io_kwargs: loading }: MediaOptions,
): void {
  if (settings.version.prompts.trustsRequests) return;
  const refuse = (name: string, what: string) =>
    badRequest(
      `Per-request ${name} are disabled by default because they can change multimodal ${what} resource usage. ` +
        "Start the server with --trust-request-mm-kwargs only when clients are trusted.",
      name,
    );
  if (truthy(processing)) throw refuse("mm_processor_kwargs", "preprocessing");
  if (truthy(loading)) throw refuse("media_io_kwargs", "media loading");
}

/** Before 0.11 arguments had to be JSON. @throws {Refusal} in Python's words */
function parsed(given: unknown): unknown {
  if (typeof given !== "string") return given;
  try {
    parsePythonJson(given);
  } catch (error) {
    if (error instanceof PythonJsonError) throw badRequest(error.told(given));
    throw error;
  }
  return JSON.parse(given);
}

function templated(pod: PodContext, conversation: Conversation, template: unknown): string {
  const format = pod.tokenizer.contentFormat(typeof template === "string" ? template : undefined);
  const shape = format === "openai" ? inParts : flatten;
  const { modelPath, servedNames, version } = pod.settings;
  const isNow = version.prompts.rules === "now";
  const texts = (message: ChatMessage) =>
    isNow ? contentTexts(message, servedNames[0]) : contentTexts(message, modelPath, "2.11");
  const messages = conversation.messages.map((message) =>
    shape(withCallsAsObjects(message, isNow ? objectIn : parsed), texts(message)),
  );
  const given = isNow ? undefined : conversation.chat_template_kwargs?.["add_generation_prompt"];
  const addGenerationPrompt = given === undefined ? (conversation.add_generation_prompt ?? true) : Boolean(given);
  const continueFinalMessage = conversation.continue_final_message ?? false;
  if (addGenerationPrompt && continueFinalMessage) {
    throw new TemplateRefusal(
      "continue_final_message and add_generation_prompt are not compatible. Use continue_final_message when you want " +
        "the model to continue the final message, and add_generation_prompt when you want to add a header that will " +
        "prompt it to start a new assistant message instead.",
    );
  }
  const last = conversation.messages.at(-1)?.content ?? [];
  // A text that is empty can be gone on with.
  if (continueFinalMessage && last !== "" && last.length === 0) throw new TemplateRefusal(NOTHING_TO_CONTINUE);
  try {
    return pod.tokenizer.renderChat(messages, {
      addGenerationPrompt,
      continueFinalMessage,
      keepsDevelopers: !isNow,
      ...(typeof template === "string" ? { template } : {}),
      ...(conversation.tools ? { tools: conversation.tools } : {}),
      ...(conversation.documents ? { documents: conversation.documents } : {}),
      extra: { ...conversation.chat_template_kwargs, reasoning_effort: conversation.reasoning_effort ?? null },
    });
  } catch (error) {
    // A template refuses a conversation by raising; vLLM hands its words on.
    throw new TemplateRefusal((error as Error).message);
  }
}

/** Every content becomes a list of text parts, for templates that iterate over them. */
function inParts(message: ChatMessage, texts: readonly string[]): object {
  return { ...message, content: texts.map((text) => ({ type: "text", text })) };
}

/** Text parts become one text, a line each, as vLLM gives them to templates that expect strings. */
function flatten(message: ChatMessage, texts: readonly string[]): object {
  return { ...message, content: texts.filter((text) => text !== "").join("\n") };
}

/** Templates want a call's arguments as an object. */
function withCallsAsObjects(message: ChatMessage, read: (given: unknown) => unknown): ChatMessage {
  const { role, tool_calls: calls, ...others } = message;
  if (role !== "assistant" || !Array.isArray(calls)) return message;
  if (calls.length === 0) return { role, ...others };
  return {
    role,
    ...others,
    tool_calls: calls.map((call: ToolCall) => ({ ...call, function: withArguments(call, read) })),
  };
}

interface ToolCall {
  readonly function?: { readonly arguments?: unknown };
}

function withArguments({ function: called }: ToolCall, read: (given: unknown) => unknown): object {
  return { ...called, arguments: read(called?.arguments) };
}

/** Text that holds no object becomes an empty one. */
function objectIn(given: unknown): unknown {
  try {
    const value: unknown = typeof given === "string" ? JSON.parse(given) : given;
    return value !== null && typeof value === "object" && !Array.isArray(value) ? value : {};
  } catch {
    return {};
  }
}
