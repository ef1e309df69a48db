import type { HeaderPairs } from "./exchange.ts";

/** Behind the headers of the answer, but before how it is framed. */
export function withClose(headers: HeaderPairs): HeaderPairs {
  const last = headers.at(-1);
  const framing = last?.[0] === "transfer-encoding" ? [last] : [];
  return [...headers.slice(0, headers.length - framing.length), ["connection", "close"], ...framing];
}
