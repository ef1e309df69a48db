/** One raw HTTP exchange with the router. Never throws: how it ended is a result. */
import { Agent, request } from "undici";
import type { RawRequest, RawResponse } from "./raw-exchange.ts";

/** Unless it says otherwise. */
export const EXCHANGE_MS = 10_000;

/** As many connections as a case has open requests; `keeps`: idle ones are used again. */
export function openAgent({ keeps }: { readonly keeps: boolean }): Agent {
  return new Agent({
    pipelining: keeps ? 1 : 0,
    keepAliveTimeout: 4_000,
    headersTimeout: 0,
    bodyTimeout: 0,
    connectTimeout: 5_000,
  });
}

export async function exchange(routerUrl: string, options: RawRequest, agent: Agent): Promise<RawResponse> {
  const timeout = new AbortController();
  const timer = setTimeout(() => timeout.abort(), options.timeoutMs ?? EXCHANGE_MS);
  const signal = AbortSignal.any([timeout.signal, ...(options.signal === undefined ? [] : [options.signal])]);
  const received = new GrowingBytes();
  let head: Pick<RawResponse, "status" | "headers"> = { status: 0, headers: {} };
  const result = (end: RawResponse["end"]): RawResponse => ({ ...head, body: received.soFar(), end });
  try {
    const response = await request(new URL(options.path, routerUrl), {
      method: options.method as "POST",
      headers: headersOf(options),
      body: options.body ?? null,
      dispatcher: agent,
      signal,
    });
    head = { status: response.statusCode, headers: definedOnly(response.headers) };
    for await (const piece of response.body as AsyncIterable<Uint8Array>) {
      received.push(piece);
      if (options.onData?.(piece, received.soFar()) === false) {
        response.body.destroy();
        return result("client-aborted");
      }
    }
    return result("complete");
  } catch (error) {
    if (timeout.signal.aborted) return result("timeout");
    if (options.signal?.aborted === true) return result("client-aborted");
    return result(isRefusal(error) ? "refused" : "reset");
  } finally {
    clearTimeout(timer);
  }
}

function headersOf({ headers = {}, body }: RawRequest): Record<string, string | string[]> {
  const own = Object.entries(headers).map(([name, value]): [string, string | string[]] => [
    name,
    typeof value === "string" ? value : [...value],
  ]);
  const hasType = own.some(([name]) => name.toLowerCase() === "content-type");
  return {
    ...(body === undefined || hasType ? {} : { "content-type": "application/json" }),
    ...Object.fromEntries(own),
  };
}

function definedOnly(headers: Readonly<Record<string, string | string[] | undefined>>): RawResponse["headers"] {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

function isRefusal(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === "ECONNREFUSED" || code === "UND_ERR_CONNECT_TIMEOUT";
}

/** Bytes that come in pieces and are looked at whole in between, without copying them all each time. */
class GrowingBytes {
  #bytes = new Uint8Array(1024);
  #length = 0;

  push(piece: Uint8Array): void {
    const needed = this.#length + piece.length;
    if (needed > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
      larger.set(this.soFar());
      this.#bytes = larger;
    }
    this.#bytes.set(piece, this.#length);
    this.#length = needed;
  }

  soFar(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }
}
