/** The headers that the proxy passes on, each way: all but those of the connection, unless a fault loses some. */
import type { IncomingMessage } from "node:http";
import type { HttpFault } from "./http-fault.ts";

type Raw = Pick<IncomingMessage, "rawHeaders">;

const HOP_BY_HOP = new Set(["connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "expect"]);

/** Names and values in turn; host and length are written anew. */
export function upstreamHeaders({ rawHeaders }: Raw, fault: HttpFault | undefined, attempt: number): string[] {
  const passed = endToEnd(rawHeaders).filter(([name]) => !/^(host|content-length)$/i.test(name));
  if (fault === "drops-trace") return passed.filter(([name]) => name.toLowerCase() !== "traceparent").flat();
  if (fault !== "own-request-id") return passed.flat();
  const others = passed.filter(([name]) => name.toLowerCase() !== "x-request-id");
  return [...others, ["x-request-id", `own-${attempt}`]].flat();
}

/** Names and values in turn. */
export function clientHeaders({ rawHeaders }: Raw, fault: HttpFault | undefined, withoutRetryAfter: boolean): string[] {
  const passed = endToEnd(rawHeaders).filter(([name]) => !(withoutRetryAfter && name.toLowerCase() === "retry-after"));
  return fault === "drops-repeated-headers" ? Object.entries(Object.fromEntries(passed)).flat() : passed.flat();
}

function endToEnd(rawHeaders: readonly string[]): (readonly [string, string])[] {
  return rawHeaders
    .flatMap((name, index) => (index % 2 === 0 ? [[name, rawHeaders[index + 1] ?? ""] as const] : []))
    .filter(([name]) => !HOP_BY_HOP.has(name.toLowerCase()));
}
