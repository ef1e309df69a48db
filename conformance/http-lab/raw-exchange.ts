/** What a case sends to the router byte by byte, and what comes back. */

export interface RawConnection {
  write(bytes: string | Uint8Array): void;
  received(): Uint8Array;
  /** Reads until the predicate holds, the router closes, or time is up. Nothing is read at other times. */
  until(predicate: (received: Uint8Array) => boolean, timeoutMs: number): Promise<"held" | "closed" | "timeout">;
  close(): void;
}

export interface RawRequest {
  /** Sent straight to this pod, past the router. */
  readonly pod?: string;
  /** The id by which scripts and sightings know it when it carries none: its pod tells it by the prompt. */
  readonly knownAs?: string;
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Uint8Array;
  /** Called for each piece of the response body as it arrives; return false to disconnect. */
  readonly onData?: (piece: Uint8Array, soFar: Uint8Array) => boolean | void;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

export interface RawResponse {
  /** 0 when the connection failed before a status line. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: Uint8Array;
  /** How the response ended. */
  readonly end: "complete" | "reset" | "client-aborted" | "timeout" | "refused";
}
