/** Headers as they stood on the wire: repeated ones stay, in order. */
import type { IncomingMessage } from "node:http";

export type Header = readonly [name: string, value: string];

const HOP_BY_HOP = ["connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "expect"];

/** All but those of one connection. */
export function endToEnd({ rawHeaders }: Pick<IncomingMessage, "rawHeaders">): readonly Header[] {
  const all = rawHeaders.flatMap((name, index): readonly Header[] =>
    index % 2 === 0 ? [[name, rawHeaders[index + 1] ?? ""]] : [],
  );
  return without(all, ...HOP_BY_HOP);
}

export const without = (headers: readonly Header[], ...names: readonly string[]): readonly Header[] =>
  headers.filter(([name]) => !names.includes(name.toLowerCase()));
