/**
 * One HTTP request and its answer, whatever carries them: a node:http socket, or a Request handed over in process.
 *
 * Handlers know nothing else of the outside, so every door (HTTP, fetch, msw) answers the same bytes.
 */
import type { RequestRecord } from "./recorder.ts";

export type HeaderPairs = readonly (readonly [name: string, value: string])[];

export interface Exchange {
  readonly method: string;
  /** Percent-decoded, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** The query as it was written, with its question mark; empty without one. */
  readonly search: string;
  /** By lower-case name; of repeated headers the first. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Uint8Array;
  readonly record: RequestRecord;
  readonly reply: Reply;
}

/** Where an answer goes. Exactly one of `send` and `open` is called, once. */
export interface Reply {
  /** A whole answer; `content-length` is among the headers already. `isLast`: the connection closes behind it. */
  send(status: number, headers: HeaderPairs, body: Uint8Array | string, isLast?: boolean): void;
  /** A chunked answer. */
  open(status: number, headers: HeaderPairs): ReplyStream;
  /** Calls `action` at most once, in the tick in which the client is seen to have left before the answer was whole. */
  onGone(action: () => void): void;
  /** Breaks the connection, as a crash does. */
  reset(): void;
  /** Closes the connection behind what was written, whole or not. */
  hangUp(): void;
}

export interface ReplyStream {
  /** One HTTP chunk: in a stream of events, one event. What is written in one turn of the event loop leaves together. */
  write(text: string): void;
  /** One HTTP chunk of raw bytes, in a write of its own. */
  writeBytes(bytes: Uint8Array): void;
  /** An event that says one text, as a JSON string with its quotes, between `before` and `after`, which stay. */
  textEvent(before: string, after: string): TextEvent;
  end(): void;
}

/** Nearly every token's. */
export interface TextEvent {
  write(text: string): void;
}
