/** One request on its way from an undici dispatcher to a pod, and the answer on its way back to undici's handler. */
import { STATUS_CODES } from "node:http";
import { stringify } from "node:querystring";
import { errors, type Dispatcher } from "undici";
import type { InProcessPod } from "../pod/pod.ts";

/** In milliseconds, by undici's names; 0 is never. */
export interface Timeouts {
  readonly headersTimeout: number;
  readonly bodyTimeout: number;
}

type Options = Dispatcher.DispatchOptions;
type Body = NonNullable<Options["body"]> | Iterable<Uint8Array | string> | AsyncIterable<Uint8Array | string>;

export class DispatchedRequest implements Dispatcher.DispatchController {
  readonly #options: Options;
  readonly #handler: Dispatcher.DispatchHandler;
  readonly #timeouts: Timeouts;
  readonly #abort = new AbortController();
  readonly #ended = Promise.withResolvers<void>();
  #resumed: PromiseWithResolvers<void> | undefined;
  #reason: Error | null = null;
  #isOver = false;
  #timer: NodeJS.Timeout | undefined;
  /** As undici's own controllers have them: names and values in turn. */
  rawHeaders: Buffer[] | null = null;

  constructor(options: Options, handler: Dispatcher.DispatchHandler, timeouts: Timeouts) {
    this.#options = options;
    this.#handler = handler;
    this.#timeouts = {
      headersTimeout: options.headersTimeout ?? timeouts.headersTimeout,
      bodyTimeout: options.bodyTimeout ?? timeouts.bodyTimeout,
    };
  }

  /** Resolves when the handler has heard the last. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  get aborted(): boolean {
    return this.#reason !== null;
  }

  get reason(): Error | null {
    return this.#reason;
  }

  get paused(): boolean {
    return this.#resumed !== undefined;
  }

  pause(): void {
    this.#resumed ??= Promise.withResolvers<void>();
  }

  resume(): void {
    this.#resumed?.resolve();
    this.#resumed = undefined;
  }

  abort(reason: Error): void {
    this.#reason ??= reason;
    this.fail(reason);
  }

  /** Ends it with this error, unless it has ended. */
  fail(error: Error): void {
    if (this.#isOver) return;
    this.#finish();
    this.#abort.abort(error);
    this.resume();
    this.#handler.onResponseError?.(this, error);
  }

  /** Plays the whole exchange; never rejects. */
  async ask(pod: InProcessPod): Promise<void> {
    try {
      this.#handler.onRequestStart?.(this, {});
      if (!this.#isOver) await this.#exchange(pod);
    } catch (error) {
      this.fail(asUndici(error));
    }
  }

  async #exchange(pod: InProcessPod): Promise<void> {
    const request = await toRequest(this.#options, this.#abort.signal);
    this.#handler.onRequestSent?.();
    this.#expectWithin(this.#timeouts.headersTimeout, () => new errors.HeadersTimeoutError());
    const response = await pod.fetch(request);
    if (this.#isOver) return;
    this.#expectBody();
    this.#start(response);
    // An answer to HEAD has no body, whatever its length says.
    if (this.#options.method !== "HEAD" && response.body !== null) await this.#pass(response.body);
    if (!this.#isOver) this.#end();
  }

  #start({ status, headers }: Response): void {
    const pairs = [...headers];
    this.rawHeaders = pairs.flatMap(([name, value]) => [Buffer.from(name), Buffer.from(value, "latin1")]);
    this.#handler.onResponseStarted?.();
    this.#handler.onResponseStart?.(this, status, Object.fromEntries(pairs), STATUS_CODES[status] ?? "");
  }

  /** One chunk of the pod's is one of the handler's; none comes while it is paused. */
  async #pass(body: ReadableStream<Uint8Array>): Promise<void> {
    for await (const chunk of body) {
      if (this.#resumed !== undefined) {
        clearTimeout(this.#timer);
        await this.#resumed.promise;
      }
      if (this.#isOver) return;
      this.#expectBody();
      this.#handler.onResponseData?.(this, Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    }
  }

  /** A handler may throw the whole answer away even now, as undici's for retries does. */
  #end(): void {
    this.#finish();
    try {
      this.#handler.onResponseEnd?.(this, {});
    } catch (error) {
      this.#handler.onResponseError?.(this, error as Error);
    }
  }

  #expectBody(): void {
    this.#expectWithin(this.#timeouts.bodyTimeout, () => new errors.BodyTimeoutError());
  }

  #expectWithin(timeoutMs: number, error: () => Error): void {
    clearTimeout(this.#timer);
    if (timeoutMs > 0) this.#timer = setTimeout(() => this.fail(error()), timeoutMs).unref();
  }

  #finish(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#ended.resolve();
  }
}

async function toRequest(options: Options, signal: AbortSignal): Promise<Request> {
  const { origin = "", path, query, method } = options;
  const headers = new Headers(headerPairs(options.headers));
  if (!headers.has("host")) headers.set("host", new URL(origin).host);
  const search = query === undefined || query === null ? "" : `?${stringify(query)}`;
  const bytes = await bodyBytes(options.body ?? null);
  // A Request of either method must have no body, and a pod reads none.
  const body = method === "GET" || method === "HEAD" ? null : bytes;
  return new Request(`${new URL(origin).origin}${path}${search}`, { method, headers, body, signal });
}

/** All forms undici takes: pairs in turn, an iterable of pairs, or a record. */
function headerPairs(headers: Options["headers"]): [string, string][] {
  const text = (value: unknown) => (Array.isArray(value) ? value.join(", ") : String(value));
  if (headers === undefined || headers === null) return [];
  if (Array.isArray(headers) && !Array.isArray(headers[0])) {
    const flat = headers as readonly unknown[];
    return flat.flatMap((name, at) => (at % 2 === 0 ? [[String(name), text(flat[at + 1])] as [string, string]] : []));
  }
  const pairs = Symbol.iterator in headers ? [...headers] : Object.entries(headers);
  return pairs.flatMap(([name, value]) => (value === undefined ? [] : [[name, text(value)] as [string, string]]));
}

async function bodyBytes(body: Body | null): Promise<Uint8Array<ArrayBuffer> | string | null> {
  if (body === null || typeof body === "string") return body;
  if (body instanceof Uint8Array) return new Uint8Array(body);
  const parts: Buffer[] = [];
  for await (const part of body as AsyncIterable<Uint8Array | string>) parts.push(Buffer.from(part as Uint8Array));
  return new Uint8Array(Buffer.concat(parts));
}

/** A pod's fetch fails with a TypeError, as every fetch; its cause is what undici would tell. */
function asUndici(error: unknown): Error {
  const { cause } = error as { readonly cause?: unknown };
  return cause instanceof Error ? cause : (error as Error);
}
