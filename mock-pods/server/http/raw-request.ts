/** A request as it was read, before anybody asked what it is for. */
import type { Exchange, HeaderPairs, Reply } from "./exchange.ts";
import type { RequestRecord } from "./recorder.ts";

export interface RawRequest {
  readonly method: string;
  /** As sent. */
  readonly target: string;
  /** In order, as sent. */
  readonly pairs: HeaderPairs;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Uint8Array;
}

export function exchangeOf(request: RawRequest, record: RequestRecord, reply: Reply): Exchange {
  const [target = "/"] = request.target.split("#", 1);
  const url = target.startsWith("/") ? target : target.replace(/^https?:\/\/[^/?]*/i, "");
  const queryStart = url.indexOf("?");
  const search = queryStart < 0 ? "" : url.slice(queryStart);
  return {
    method: request.method,
    path: decodePath(queryStart < 0 ? url : url.slice(0, queryStart)),
    query: queryStart < 0 ? NO_QUERY : new URLSearchParams(search),
    search,
    headers: request.headers,
    body: request.body,
    record,
    reply,
  };
}

const NO_QUERY = new URLSearchParams();

function decodePath(path: string): string {
  if (!path.includes("%")) return path;
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
