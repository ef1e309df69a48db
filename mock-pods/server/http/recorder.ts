/** What the server tells a journal about each request, as it happens. */
import type { JournalEntry } from "../../pod/pod.ts";

export interface Arrival {
  readonly method: string;
  /** As sent, with the query. */
  readonly path: string;
  /** In order, as sent. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array;
}

/** One request's line in the journal while it is being written. */
export interface RequestRecord {
  /** Shows what has been told so far. */
  readonly entry: JournalEntry;
  /** The prompt's length is known. Called once for each prompt of the request. */
  tokenized(promptTokens: number): void;
  /** A sub-request was admitted to a batch for the first time. */
  admitted(cachedTokens: number): void;
  /** Generation has begun; `count` tells the output tokens so far, and is asked when somebody looks or it is over. */
  produces(count: () => number): void;
  /** A first output token was handed out, at `simulatedMs` of the pod's clock; those of further samples change nothing. */
  firstToken(simulatedMs: number): void;
  /**
   * Once. `status` is absent when nothing was answered. `route` is the path as the route table writes it, null when the
   * request did not come so far as to be counted; `contentBytes` the answer's `content-length`, if it has one.
   */
  ended(
    how: "finished" | "disconnected" | "failed",
    status?: number,
    route?: string | null,
    contentBytes?: number,
  ): void;
}

export interface Recorder {
  /** The request's body has been read. */
  arrived(arrival: Arrival): RequestRecord;
}
