/** Headers as they stood on the wire: repeated ones stay, in order. */
import type { IncomingMessage } from "node:http";

export type Header = readonly [name: string, value: string];

const HOP_BY_HOP = ["connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "expect"];

type Raw = Pick<IncomingMessage, "rawHeaders">;

/** All but those of one connection, as they are known or as it names them. */
export function endToEnd(message: Raw): readonly Header[] {
  const all = allOf(message);
  const named = all.flatMap(([name, value]) => (name.toLowerCase() === "connection" ? value.split(/, */) : []));
  return without(all, ...HOP_BY_HOP, ...named.map((name) => name.toLowerCase()));
}

export const allOf = ({ rawHeaders }: Raw): readonly Header[] =>
  rawHeaders.flatMap((name, index): readonly Header[] =>
    index % 2 === 0 ? [[name, rawHeaders[index + 1] ?? ""]] : [],
  );

export const without = (headers: readonly Header[], ...names: readonly string[]): readonly Header[] =>
  headers.filter(([name]) => !names.includes(name.toLowerCase()));

/** By a comparison of texts: a charset, or another letter case, makes it another type. */
export const isPlainJson = ({ headers }: Pick<IncomingMessage, "headers">): boolean =>
  headers["content-type"] === "application/json";
