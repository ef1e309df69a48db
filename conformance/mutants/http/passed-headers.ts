/** The headers that the proxy passes on, each way: all but those of the connection, unless a fault loses some. */
import type { IncomingMessage } from "node:http";
import type { HttpFault } from "./http-fault.ts";

type Raw = Pick<IncomingMessage, "rawHeaders">;

const HOP_BY_HOP = new Set(["connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "expect"]);

/** Names and values in turn; host and length are written anew. */
export function upstreamHeaders({ rawHeaders }: Raw, fault: HttpFault | undefined, attempt: number): string[] {
  const passed = endToEnd(rawHeaders, fault).filter(([name]) => !/^(host|content-length)$/i.test(name));
  if (fault === "doubles-the-id")
    return passed.flatMap((pair) => (pair[0] === "x-request-id" ? [pair, pair] : [pair])).flat();
  if (fault === "drops-credentials") return passed.filter(([name]) => !/^(authorization|cookie)$/i.test(name)).flat();
  if (fault === "drops-trace") return passed.filter(([name]) => name.toLowerCase() !== "traceparent").flat();
  if (fault !== "own-request-id") return passed.flat();
  const others = passed.filter(([name]) => name.toLowerCase() !== "x-request-id");
  return [...others, ["x-request-id", `own-${attempt}`]].flat();
}

/** Names and values in turn. */
export function clientHeaders({ rawHeaders }: Raw, fault: HttpFault | undefined, withoutRetryAfter: boolean): string[] {
  const passed = endToEnd(rawHeaders, fault).filter(
    ([name]) => !(withoutRetryAfter && name.toLowerCase() === "retry-after"),
  );
  if (fault === "calls-streams-json") {
    return passed.flatMap(([name, value]) => [
      name,
      value.startsWith("text/event-stream") ? "application/json" : value,
    ]);
  }
  return fault === "drops-repeated-headers" ? Object.entries(Object.fromEntries(passed)).flat() : passed.flat();
}

function endToEnd(rawHeaders: readonly string[], fault: HttpFault | undefined): (readonly [string, string])[] {
  const all = rawHeaders.flatMap((name, index) =>
    index % 2 === 0 ? [[name, rawHeaders[index + 1] ?? ""] as const] : [],
  );
  if (fault === "passes-hop-by-hop") return all.filter(([name]) => !/^(connection|transfer-encoding)$/i.test(name));
  const named = all.flatMap(([name, value]) =>
    name.toLowerCase() === "connection" ? value.toLowerCase().split(/, */) : [],
  );
  return all.filter(([name]) => !HOP_BY_HOP.has(name.toLowerCase()) && !named.includes(name.toLowerCase()));
}
