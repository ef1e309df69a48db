/** What went over the wire in one case, short enough to keep: heads in full, the beginning of bodies. */
import type { RawRequest, RawResponse } from "./raw-exchange.ts";

export interface WireExchange {
  readonly requestId?: string;
  readonly atMs: number;
  readonly endMs: number;
  readonly request: WireMessage & { readonly method: string; readonly path: string };
  readonly response: WireMessage & { readonly status: number; readonly end: RawResponse["end"] };
  /** Pods that saw it, in order. */
  readonly pods: readonly string[];
}

export interface WireMessage {
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly bodyBytes: number;
  readonly bodyStart: string;
}

const KEPT_EXCHANGES = 80;
const KEPT_BODY_CHARS = 600;

/** The first exchanges of a case and, when there are many, the last ones. */
export class WireLog {
  readonly #first: WireExchange[] = [];
  #last: WireExchange[] = [];

  add(
    { method, path, headers = {}, body = "" }: RawRequest,
    response: RawResponse,
    rest: Pick<WireExchange, "atMs" | "endMs" | "pods">,
  ): void {
    const id = headers["x-request-id"];
    const exchange: WireExchange = {
      ...(typeof id === "string" ? { requestId: id } : {}),
      ...rest,
      request: { method, path, headers, ...shortened(body) },
      response: { status: response.status, end: response.end, headers: response.headers, ...shortened(response.body) },
    };
    if (this.#first.length < KEPT_EXCHANGES / 2) this.#first.push(exchange);
    else this.#last = [...this.#last, exchange].slice(-KEPT_EXCHANGES / 2);
  }

  entries(): readonly WireExchange[] {
    return [...this.#first, ...this.#last];
  }
}

function shortened(body: string | Uint8Array): Pick<WireMessage, "bodyBytes" | "bodyStart"> {
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  const start = Buffer.from(bytes.subarray(0, KEPT_BODY_CHARS)).toString("utf8");
  return { bodyBytes: bytes.length, bodyStart: start };
}
