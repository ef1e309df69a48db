/** An HTTP client that shows what came: the head as it was written, and every chunk by itself. */
import { connect, type Socket } from "node:net";

export interface RawResponse {
  readonly head: string;
  /** Of answers with a content length. */
  readonly body: string;
  /** Of chunked answers, each as it was framed; undefined for others. */
  readonly chunks: readonly string[] | undefined;
}

export interface RawExchange {
  /** Rejects when the connection is refused, or ends before the answer is whole. */
  readonly response: Promise<RawResponse>;
  /** Resolves with the first bytes of the answer's body. */
  readonly begun: Promise<void>;
  close(): void;
}

/** `leaveAfterChunks`: closes the socket itself then, and takes what came for the answer. */
export function sendRaw(port: number, bytes: Uint8Array, leaveAfterChunks = Infinity): RawExchange {
  const socket = connect(port, "127.0.0.1");
  const begun = Promise.withResolvers<void>();
  const hasBody = !Buffer.from(bytes).toString("latin1", 0, 5).startsWith("HEAD ");
  const response = read(socket, hasBody, begun.resolve, leaveAfterChunks);
  response.catch(() => undefined);
  socket.write(bytes);
  return { response, begun: begun.promise, close: () => void socket.destroy() };
}

function read(socket: Socket, hasBody: boolean, onBegun: () => void, leaveAfterChunks: number): Promise<RawResponse> {
  const { promise, resolve, reject } = Promise.withResolvers<RawResponse>();
  let received = Buffer.alloc(0);
  socket.on("data", (part) => {
    received = Buffer.concat([received, part]);
    const parsed = parse(received, hasBody, leaveAfterChunks);
    if (parsed === undefined) return;
    if (parsed.body !== "" || (parsed.chunks?.length ?? 0) > 0) onBegun();
    if (!parsed.whole) return;
    resolve(parsed);
    socket.destroy();
  });
  socket.once("error", reject);
  socket.once("close", () => reject(new Error("the connection closed before the answer was whole")));
  return promise;
}

function parse(
  received: Buffer,
  hasBody: boolean,
  leaveAfterChunks: number,
): (RawResponse & { readonly whole: boolean }) | undefined {
  const headEnd = received.indexOf("\r\n\r\n");
  if (headEnd < 0) return undefined;
  const head = received.subarray(0, headEnd).toString("latin1");
  if (!hasBody) return { head, body: "", chunks: undefined, whole: true };
  const rest = received.subarray(headEnd + 4);
  if (!/^transfer-encoding: chunked$/im.test(head)) {
    const length = Number(/^content-length: (\d+)$/im.exec(head)?.[1] ?? 0);
    return { head, body: rest.subarray(0, length).toString(), chunks: undefined, whole: rest.length >= length };
  }
  const { chunks, ended } = parseChunks(rest);
  const left = chunks.length >= leaveAfterChunks;
  return { head, body: "", chunks: left ? chunks.slice(0, leaveAfterChunks) : chunks, whole: ended || left };
}

function parseChunks(bytes: Buffer): { chunks: string[]; ended: boolean } {
  const chunks: string[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return { chunks, ended: false };
    const length = Number.parseInt(bytes.subarray(at, lineEnd).toString("latin1"), 16);
    const end = lineEnd + 2 + length;
    if (bytes.length < end + 2) return { chunks, ended: false };
    if (length === 0) return { chunks, ended: true };
    chunks.push(bytes.subarray(lineEnd + 2, end).toString());
    at = end + 2;
  }
}
