/** A pod's face behind the Fetch API: a Request in, a Response out, no socket. */
import { connectionReset } from "./connection-errors.ts";
import type { Exchange, HeaderPairs, Reply, ReplyStream } from "../server/http/exchange.ts";
import { JoinedTextEvent } from "../server/http/text-event.ts";
import type { Recorder } from "../server/http/recorder.ts";

/** The carrier's business; a Response has none of them. */
const HOP_BY_HOP = new Set(["connection", "keep-alive", "transfer-encoding"]);
/** Statuses whose Response must have no body. */
const BODYLESS = new Set([101, 103, 204, 205, 304]);

/**
 * Resolves with the head; a streamed body follows as the pod produces it. Rejects with the reason when the request's
 * signal, or `died`, is aborted before that. A cancelled body counts as a client that left.
 */
export async function fetchFrom(
  request: Request,
  recorder: Recorder,
  died: AbortSignal,
  answer: (exchange: Exchange) => void,
): Promise<Response> {
  const { method, headers } = request;
  const signal = AbortSignal.any([request.signal, died]);
  const url = new URL(request.url);
  const body = new Uint8Array(await request.arrayBuffer());
  signal.throwIfAborted();
  const path = url.pathname + url.search;
  const record = recorder.arrived({ method, path, headers: [...headers], body });
  const release = keepAlive();
  return await new Promise<Response>((resolve, reject) => {
    const reply = new FetchReply(resolve, reject, release);
    signal.addEventListener("abort", () => reply.gone(signal.reason));
    answer({
      method,
      path: decodePath(url.pathname),
      query: url.searchParams,
      search: url.search,
      headers: Object.fromEntries(headers),
      body,
      record,
      reply,
    });
  });
}

/** The pod's timers keep no process alive, as a server's socket would: an open exchange must. */
function keepAlive(): () => void {
  const handle = setInterval(() => undefined, 2 ** 30);
  return () => clearInterval(handle);
}

class FetchReply implements Reply {
  readonly #resolve: (response: Response) => void;
  readonly #reject: (reason: unknown) => void;
  readonly #release: () => void;
  #onGone: (() => void)[] = [];
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;

  constructor(resolve: (response: Response) => void, reject: (reason: unknown) => void, release: () => void) {
    this.#resolve = resolve;
    this.#reject = reject;
    this.#release = release;
  }

  send(status: number, headers: HeaderPairs, body: Uint8Array | string): void {
    this.#finish();
    const payload = typeof body === "string" ? body : new Uint8Array(body);
    this.#resolve(new Response(BODYLESS.has(status) ? null : payload, { status, headers: withoutHops(headers) }));
  }

  open(status: number, headers: HeaderPairs): ReplyStream {
    const encoder = new TextEncoder();
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
      },
      cancel: () => {
        this.#controller = undefined;
        this.gone();
      },
    });
    this.#resolve(new Response(body, { status, headers: withoutHops(headers) }));
    return {
      write: (text) => this.#controller?.enqueue(encoder.encode(text)),
      writeBytes: (bytes) => this.#controller?.enqueue(bytes),
      textEvent(before, after) {
        return new JoinedTextEvent(this, before, after);
      },
      end: () => {
        this.#finish();
        this.#controller?.close();
        this.#controller = undefined;
      },
    };
  }

  onGone(action: () => void): void {
    this.#onGone.push(action);
  }

  /** The client has left; nothing once the answer was whole. */
  gone(reason?: unknown): void {
    const actions = this.#onGone;
    this.#finish();
    this.#controller?.error(reason);
    this.#controller = undefined;
    this.#reject(reason);
    for (const action of actions) action();
  }

  reset(): void {
    this.gone(connectionReset());
  }

  hangUp(): void {
    this.reset();
  }

  #finish(): void {
    this.#release();
    this.#onGone = [];
  }
}

function withoutHops(headers: HeaderPairs): [string, string][] {
  return headers.filter(([name]) => !HOP_BY_HOP.has(name)).map(([name, value]) => [name, value]);
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
