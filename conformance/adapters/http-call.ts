/** The HTTP steps of an adapter: calls that change something, and polls that wait for it to be true. */
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { type Agent, request } from "undici";
import { OperationalError } from "../../fixtures/operational-error.ts";
import type { HttpCall, Poll } from "./adapter-file.ts";
import { resolvePointer } from "./json-pointer.ts";
import { expandJson, expandText, type TemplateValues } from "./template.ts";

const RETRY_EVERY_MS = 100;
const DEFAULT_MAX_MS = 30_000;
const POLL_EVERY_MS = 50;
/** One attempt; a router that does not answer at all is asked again until `maxMs`. */
const ATTEMPT_MS = 10_000;

/** Whatever the answer is, that there is one is enough. */
const ANY_STATUS: number[] = [];

/** Without a `ready` poll, a router is ready when it answers anything. */
export const ANSWERS_ANYTHING: Poll = { url: "{{url}}/", status: ANY_STATUS };

/** The same poll, content with any answer. */
export const answersAnything = (poll: Poll): Poll => ({ ...poll, status: ANY_STATUS });

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Makes the call, again while it answers a status of `retryOn`; resolves to what `capture` names. */
export async function performCall(
  call: HttpCall,
  values: TemplateValues,
  dispatcher: Agent,
): Promise<Record<string, string>> {
  const url = expandText(call.url, values);
  const what = `${call.method} ${url}`;
  const deadline = performance.now() + (call.maxMs ?? DEFAULT_MAX_MS);
  for (;;) {
    const answer = await ask(call.method, url, call, values, dispatcher);
    const retry = typeof answer === "string" || call.retryOn?.includes(answer.status) === true;
    if (!retry) return captured(call, answer, what);
    if (performance.now() >= deadline) throw new OperationalError("ADAPTER_FAILED", `${what}: ${describe(answer)}`);
    await sleep(RETRY_EVERY_MS);
  }
}

/** Polls until the condition holds. `alive` is asked between polls and may throw. */
export async function pollUntil(
  poll: Poll,
  values: TemplateValues,
  dispatcher: Agent,
  alive: () => void,
): Promise<void> {
  const url = expandText(poll.url, values);
  const method = poll.method ?? "GET";
  const equals = expandJson(poll.equals, values);
  const maxMs = poll.maxMs ?? DEFAULT_MAX_MS;
  const deadline = performance.now() + maxMs;
  for (;;) {
    alive();
    const answer = await ask(method, url, poll, values, dispatcher);
    if (typeof answer !== "string" && holds(poll, answer, equals)) return;
    if (performance.now() >= deadline) {
      throw new OperationalError(
        "ADAPTER_FAILED",
        `${method} ${url} did not ${wanted(poll)} within ${maxMs} ms; last: ${describe(answer)}`,
      );
    }
    await sleep(poll.everyMs ?? POLL_EVERY_MS);
  }
}

async function ask(
  method: HttpCall["method"],
  url: string,
  { headers, body }: { readonly headers?: Readonly<Record<string, string>>; readonly body?: unknown },
  values: TemplateValues,
  dispatcher: Agent,
): Promise<Answer | string> {
  const filled = body === undefined ? undefined : expandJson(body, values);
  const isText = typeof filled === "string" || filled === undefined;
  try {
    const response = await request(url, {
      method,
      dispatcher,
      headers: {
        ...(isText ? {} : { "content-type": "application/json" }),
        ...(expandJson(headers ?? {}, values) as Record<string, string>),
      },
      body: isText ? (filled ?? null) : JSON.stringify(filled),
      headersTimeout: ATTEMPT_MS,
      bodyTimeout: ATTEMPT_MS,
    });
    return { status: response.statusCode, text: await response.body.text() };
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code ?? (cause as Error).message;
  }
}

function captured(call: HttpCall, answer: Answer | string, what: string): Record<string, string> {
  if (typeof answer === "string" || !(call.status ?? [200, 201, 202, 204]).includes(answer.status)) {
    throw new OperationalError("ADAPTER_FAILED", `${what}: ${describe(answer)}`);
  }
  const document = parsed(answer.text);
  return Object.fromEntries(
    Object.entries(call.capture ?? {}).map(([name, pointer]) => {
      const value = resolvePointer(document, pointer);
      if (typeof value === "string" || typeof value === "number") return [name, String(value)];
      throw new OperationalError("ADAPTER_FAILED", `${what}: nothing at ${pointer} to capture; ${describe(answer)}`);
    }),
  );
}

function holds(poll: Poll, answer: Answer, equals: unknown): boolean {
  if (poll.status === ANY_STATUS) return true;
  if (!(poll.status ?? (poll.absent === true ? [200, 404] : [200])).includes(answer.status)) return false;
  if (poll.pointer === undefined) return true;
  const value = resolvePointer(parsed(answer.text), poll.pointer);
  if (poll.absent === true) return value === undefined;
  return equals === undefined ? value !== undefined : isDeepStrictEqual(value, equals);
}

function wanted(poll: Poll): string {
  if (poll.status === ANY_STATUS) return "answer";
  const status = `become status ${(poll.status ?? [200]).join(" or ")}`;
  if (poll.pointer === undefined) return status;
  if (poll.absent === true) return `become without ${poll.pointer}`;
  return `${status} with ${poll.pointer}${poll.equals === undefined ? "" : ` = ${JSON.stringify(poll.equals)}`}`;
}

function describe(answer: Answer | string): string {
  return typeof answer === "string" ? answer : `status ${answer.status} ${answer.text.slice(0, 200).trim()}`.trim();
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
