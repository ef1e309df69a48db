/**
 * Reads a request as nearly all clients send it: one head in one piece, a body of known length, nothing asked of the connection.
 * What is written in any other way, or wrongly, is not plain, and left to Node's own parser.
 */

type Pair = readonly [name: string, value: string];

export interface PlainHead {
  readonly method: string;
  /** As sent. */
  readonly target: string;
  /** In order, as sent. */
  readonly pairs: readonly Pair[];
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** Of the head, its last line end included. */
  readonly headBytes: number;
  readonly bodyBytes: number;
}

const END = "\r\n\r\n";
const MAX_HEAD_BYTES = 16_384;
const MAX_BODY_BYTES = 1 << 20;
const REQUEST_LINE = /^(GET|POST) (\/[!-~]*) HTTP\/1\.1$/;
const HEADER = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[\t ]*(|[!-~](?:[\t -~]*[!-~])?)[\t ]*$/;
/** How a body is framed otherwise, and what is asked of the connection. */
const NOT_PLAIN = new Set(["transfer-encoding", "expect", "upgrade", "trailer", "te", "proxy-connection"]);

/** Of the request before: clients repeat themselves, and a journal keeps many requests. */
let last: { readonly text: string; readonly head: PlainHead } | undefined;

/** Of the request that `bytes` begin with. */
export function readPlainHead(bytes: Buffer): PlainHead | undefined {
  const end = bytes.indexOf(END);
  if (end < 0 || end > MAX_HEAD_BYTES) return undefined;
  const text = bytes.toString("latin1", 0, end);
  if (last !== undefined && last.text === text) return last.head;
  const head = parse(text, end + END.length);
  if (head !== undefined) last = { text, head };
  return head;
}

/** Whether a request may begin there that is plain. */
export function beginsPlainly(bytes: Buffer, at: number): boolean {
  return /^(GET|POST) \//.test(bytes.toString("latin1", at, at + "POST /".length));
}

function parse(text: string, headBytes: number): PlainHead | undefined {
  const [first = "", ...lines] = text.split("\r\n");
  const [, method, target] = REQUEST_LINE.exec(first) ?? [];
  if (method === undefined || target === undefined) return undefined;
  const pairs: Pair[] = [];
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const [, name, value] = HEADER.exec(line) ?? [];
    if (name === undefined || value === undefined) return undefined;
    const key = name.toLowerCase();
    // How values of the same name are joined depends on the name. An object's own names, `constructor`, are seldom headers.
    if (key in headers || NOT_PLAIN.has(key)) return undefined;
    if (key === "connection" && value.toLowerCase() !== "keep-alive") return undefined;
    headers[key] = value;
    const before = last?.head.pairs[pairs.length];
    pairs.push(before?.[0] === name && before[1] === value ? before : [name, value]);
  }
  const length = headers["content-length"] ?? "0";
  if (!/^\d{1,7}$/.test(length) || Number(length) > MAX_BODY_BYTES) return undefined;
  return { method, target, pairs, headers, headBytes, bodyBytes: Number(length) };
}
