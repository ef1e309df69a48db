/** Prompts as request bodies, and back: a router may write the same body in other bytes. */
import type { CompletionPath } from "../adapters/router-under-test.ts";
import type { Prompt } from "../corpus/corpus.ts";

/** The prompt as it stands in a body: text, or token ids. */
export type SentPrompt = string | readonly number[];

export interface BodyOptions {
  readonly path: CompletionPath;
  readonly model: string;
  readonly maxTokens: number;
  readonly stream: boolean;
  readonly cacheSalt?: string | undefined;
  readonly extra?: Readonly<Record<string, unknown>> | undefined;
  /** Default JSON.stringify. */
  readonly write?: ((body: Readonly<Record<string, unknown>>) => string) | undefined;
}

/** What a body with this prompt holds, as {@link promptOf} reads it back. */
export function sentPrompt({ text, tokenIds, messages }: Prompt): SentPrompt {
  return tokenIds ?? messages?.map(contentOf).join("\n") ?? text;
}

export function bodyFor({ text, tokenIds, messages }: Prompt, options: BodyOptions): string {
  const prompt =
    options.path === "/v1/completions"
      ? { prompt: tokenIds ?? text }
      : { messages: messages ?? [{ role: "user", content: text }] };
  const { write = JSON.stringify } = options;
  return write({
    model: options.model,
    ...prompt,
    max_tokens: options.maxTokens,
    temperature: 0,
    stream: options.stream,
    ...(options.cacheSalt === undefined ? {} : { cache_salt: options.cacheSalt }),
    ...options.extra,
  });
}

/** The prompt in a body, whoever serialised it; undefined when there is none, or it is nested too deep to be written again. */
export function promptOf(body: string | Uint8Array): SentPrompt | undefined {
  try {
    const { prompt, messages } = parsed(body);
    if (typeof prompt === "string") return prompt;
    if (Array.isArray(prompt)) return isIds(prompt) ? prompt : JSON.stringify(prompt);
    return Array.isArray(messages) ? messages.map(contentOf).join("\n") : undefined;
  } catch {
    return undefined;
  }
}

/** The model that a body asks for; undefined when it names none, or is no JSON. */
export function modelOf(body: string | Uint8Array): string | undefined {
  try {
    const { model } = parsed(body);
    return typeof model === "string" ? model : undefined;
  } catch {
    return undefined;
  }
}

export function wantsStream(body: Uint8Array): boolean {
  try {
    return parsed(body).stream === true;
  } catch {
    return false;
  }
}

interface Fields {
  readonly model?: unknown;
  readonly prompt?: unknown;
  readonly messages?: unknown;
  readonly stream?: unknown;
}

function parsed(body: string | Uint8Array): Fields {
  const text = typeof body === "string" ? body : Buffer.from(body).toString("utf8");
  return (JSON.parse(text) as Fields | null) ?? {};
}

export function samePrompt(a: SentPrompt | undefined, b: SentPrompt | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  if (typeof a === "string" || typeof b === "string") return a === b;
  return a.length === b.length && a.every((id, index) => id === b[index]);
}

function isIds(prompt: readonly unknown[]): prompt is number[] {
  return prompt.every((item) => typeof item === "number");
}

/** Text parts are the text they hold: servers read both alike. */
function contentOf(message: unknown): string {
  const content = (message as { content?: unknown } | null)?.content;
  if (typeof content === "string") return content;
  const texts = Array.isArray(content) ? content.map(textOfPart) : [undefined];
  return texts.includes(undefined) ? JSON.stringify(content ?? null) : texts.join("");
}

function textOfPart(part: unknown): string | undefined {
  const text = (part as { text?: unknown } | null)?.text;
  return typeof text === "string" ? text : undefined;
}
