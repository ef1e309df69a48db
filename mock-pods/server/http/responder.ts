/** The way back of one exchange: puts vLLM's headers around an answer and tells the journal how it ended. */
import { byteLength, type Answer } from "./answer.ts";
import type { Exchange, HeaderPairs, ReplyStream, TextEvent } from "./exchange.ts";

/** Headers that belong to the server and its middleware rather than to an answer. */
export interface HeaderFrame {
  /** After the handler's own. `outermost` answers pass no middleware. */
  trailing(outermost: boolean): HeaderPairs;
}

/** Its own stream, once it is opened: a token passes one object less. */
export class Responder implements ReplyStream {
  readonly #exchange: Exchange;
  readonly #frame: HeaderFrame;
  readonly #route: string | null | undefined;
  #goneAction: (() => void) | undefined;
  #stream: ReplyStream | undefined;
  #ended = false;
  #status: number | undefined;

  /** `route` as {@link RequestRecord.ended} takes it. */
  constructor(exchange: Exchange, frame: HeaderFrame, route: string | null | undefined) {
    this.#exchange = exchange;
    this.#frame = frame;
    this.#route = route;
    exchange.reply.onGone(() => this.#leave());
  }

  /** The client left, or the answer is complete. */
  get ended(): boolean {
    return this.#ended;
  }

  /** At most once, in the tick in which the client leaves before the answer is whole. Takes the place of the action before. */
  onGone(action: () => void): void {
    this.#goneAction = action;
  }

  send(answer: Answer): void {
    if (this.#ended) return;
    if (answer.chunked === true) return this.#sendChunked(answer);
    const contentBytes = byteLength(answer.body);
    // Behind an error that no layer caught uvicorn closes the connection.
    this.#exchange.reply.send(
      answer.status,
      this.#headers(answer, contentBytes),
      answer.body,
      answer.outermost === true,
    );
    this.#end("finished", answer.status, contentBytes);
  }

  /** Opens an event stream: status 200, chunked. */
  stream(contentType = "text/event-stream; charset=utf-8"): ReplyStream {
    const headers = [...this.#streamHeaders(contentType), ["transfer-encoding", "chunked"] as const];
    this.#status = 200;
    this.#stream = this.#exchange.reply.open(200, headers);
    return this;
  }

  write(text: string): void {
    this.#stream?.write(text);
  }

  writeBytes(bytes: Uint8Array): void {
    this.#stream?.writeBytes(bytes);
  }

  textEvent(before: string, after: string): TextEvent {
    return (this.#stream as ReplyStream).textEvent(before, after);
  }

  end(): void {
    if (this.#ended) return;
    this.#stream?.end();
    this.#end("finished", 200);
  }

  /** What was told so far is all that comes, and no end of it: an exception that nobody caught. */
  breakOff(): void {
    if (this.#ended) return;
    this.#end("failed", 200);
    this.#exchange.reply.hangUp();
  }

  #sendChunked({ contentType = "", body }: Answer): void {
    if (this.#exchange.method === "HEAD") {
      this.#exchange.reply.send(200, this.#streamHeaders(contentType), "");
      return this.#end("finished", 200);
    }
    const stream = this.stream(contentType);
    stream.write(String(body));
    stream.end();
  }

  #streamHeaders(contentType: string): HeaderPairs {
    return [...server(), ["content-type", contentType], ...this.#frame.trailing(false)];
  }

  /** Starlette adds a redirect's location last. */
  #headers(answer: Answer, contentBytes: number): HeaderPairs {
    const isRedirect = answer.status === 307;
    return [
      ...server(),
      ...(isRedirect ? [] : (answer.headers ?? [])),
      ["content-length", String(contentBytes)],
      ...(isRedirect ? (answer.headers ?? []) : []),
      ...(answer.contentType === undefined ? [] : [["content-type", answer.contentType] as const]),
      ...this.#frame.trailing(answer.outermost === true),
    ];
  }

  #leave(): void {
    if (this.#ended) return;
    this.#end("disconnected", this.#status);
    this.#goneAction?.();
  }

  #end(how: "finished" | "disconnected" | "failed", status: number | undefined, contentBytes?: number): void {
    this.#ended = true;
    this.#exchange.record.ended(how, status, this.#route, contentBytes);
  }
}

let second = 0;
let dateText = "";

/** The date is formatted once a second. */
export function server(): HeaderPairs {
  const now = Math.floor(Date.now() / 1000);
  if (now !== second) {
    second = now;
    dateText = new Date(now * 1000).toUTCString();
  }
  return [
    ["date", dateText],
    ["server", "uvicorn"],
  ];
}
