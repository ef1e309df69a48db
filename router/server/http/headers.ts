/** Which headers cross the proxy. Pairs stay in their order and spelling, repeated ones stay repeated. */

/** RFC 9110 §7.6.1, and what older clients send. `Connection` may name more. */
const HOP_BY_HOP = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
] as const;

/** Written anew on the way to the pod. */
const OWN_REQUEST_HEADERS = ["host", "content-length", "expect", "x-request-id"] as const;

/**
 * Headers by which some gateway lets itself be steered. A client must not choose the pod (gie #2025, praxis #418), and
 * a gateway behind this one must not take a client's word for ours.
 */
const STEERING = [
  "target-pod",
  "x-gateway-destination-endpoint",
  "x-gateway-destination-endpoint-served",
  "x-gateway-destination-endpoint-subset",
  "x-smg-routed-worker-id",
  "x-smg-target-worker",
  "x-target-pod",
  "x-target-worker",
  "x-worker-id",
  "x-worker-url",
] as const;

/** Ours: never taken from either side. */
const OWN_PREFIX = "x-routeproof-";

const DROPPED_FROM_REQUEST: ReadonlySet<string> = new Set([...HOP_BY_HOP, ...OWN_REQUEST_HEADERS, ...STEERING]);
const DROPPED_FROM_RESPONSE: ReadonlySet<string> = new Set(HOP_BY_HOP);

/** Header pairs, flat: name, value, name, value. */
export type FlatHeaders = string[];

/** What the pod gets: the client's headers without hop-by-hop and steering ones, with the id and the true length. */
export function headersToPod(
  raw: readonly string[],
  connection: string | undefined,
  own: { readonly requestId: string; readonly contentLength: number; readonly dropAuthorization: boolean },
): FlatHeaders {
  const named = namedByConnection(connection);
  const kept: FlatHeaders = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = (raw[index] as string).toLowerCase();
    if (DROPPED_FROM_REQUEST.has(name) || name.startsWith(OWN_PREFIX) || named?.has(name) === true) continue;
    if (own.dropAuthorization && name === "authorization") continue;
    kept.push(raw[index] as string, raw[index + 1] as string);
  }
  kept.push("x-request-id", own.requestId, "content-length", String(own.contentLength));
  return kept;
}

/** What the client gets: the pod's headers, who served, and the request id unless the pod echoed one itself. */
export function headersToClient(
  raw: readonly (string | Buffer)[],
  own: { readonly requestId: string; readonly pod: string },
): FlatHeaders {
  const kept: FlatHeaders = [];
  let named: ReadonlySet<string> | undefined;
  let podNamedRequest = false;
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = text(raw[index]);
    const lower = name.toLowerCase();
    if (lower === "connection") named = namedByConnection(text(raw[index + 1]));
    if (DROPPED_FROM_RESPONSE.has(lower) || lower.startsWith(OWN_PREFIX)) continue;
    if (lower === "x-request-id") podNamedRequest = true;
    kept.push(name, text(raw[index + 1]));
  }
  if (!podNamedRequest) kept.push("x-request-id", own.requestId);
  kept.push("x-routeproof-pod", headerSafe(own.pod));
  return named === undefined ? kept : withoutNamed(kept, named);
}

/** JSON that may stand in a header: what is not printable ASCII is escaped. */
export function headerSafe(value: string): string {
  return value.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** The names that `Connection` lists besides its own words; `undefined` in the usual case that there are none. */
function namedByConnection(connection: string | undefined): ReadonlySet<string> | undefined {
  if (connection === undefined || /^(?:keep-alive|close)$/i.test(connection)) return undefined;
  return new Set(connection.split(",").map((name) => name.trim().toLowerCase()));
}

function withoutNamed(pairs: FlatHeaders, named: ReadonlySet<string>): FlatHeaders {
  const kept: FlatHeaders = [];
  for (let index = 0; index + 1 < pairs.length; index += 2) {
    const name = pairs[index] as string;
    if (!named.has(name.toLowerCase())) kept.push(name, pairs[index + 1] as string);
  }
  return kept;
}

function text(value: string | Buffer | undefined): string {
  return typeof value === "string" ? value : (value?.toString("latin1") ?? "");
}
