/** A whole answer as a value, before the server's own headers are put around it. */
import type { HeaderPairs } from "./exchange.ts";

export interface Answer {
  readonly status: number;
  /** The handler's own; `content-length` is added behind them and `content-type` stands last. */
  readonly headers?: HeaderPairs;
  readonly contentType?: string;
  readonly body: string | Uint8Array;
  /** In one chunk, without a content length. */
  readonly chunked?: boolean;
  /** Answered outside vLLM's middleware: carries neither `vary` nor a request id. */
  readonly outermost?: boolean;
}

export function json(status: number, value: unknown, headers: HeaderPairs = []): Answer {
  return { status, headers, contentType: "application/json", body: JSON.stringify(value) };
}

export function text(status: number, body: string, contentType = "text/plain; charset=utf-8"): Answer {
  return { status, contentType, body };
}

/** Only a status: an empty body without a content type. */
export function empty(status: number, headers: HeaderPairs = []): Answer {
  return { status, headers, body: "" };
}

export function byteLength(body: string | Uint8Array): number {
  return typeof body === "string" ? utf8Length(body) : body.length;
}

/** A browser has no Buffer. */
const utf8Length: (text: string) => number =
  typeof Buffer === "function" ? (text) => Buffer.byteLength(text) : (text) => new TextEncoder().encode(text).length;
