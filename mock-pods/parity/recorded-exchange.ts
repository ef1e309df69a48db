/** Recorded HTTP exchanges: `fixtures/recordings/wire-public.jsonl`, or any file of the same form, gzipped or not. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { parseJson, readTextFile } from "../../fixtures/schema.ts";

export interface RecordedExchange {
  readonly n: number;
  readonly id: string;
  readonly group: string;
  readonly server: "A" | "B" | "C";
  readonly request: {
    /** Without the closing blank line. */
    readonly head: string;
    readonly body?: string | { readonly hex: string };
    /** Says that the middle of the body was cut out of the record. */
    readonly body_note?: string;
  };
  readonly response: RecordedResponse;
}

export interface RecordedResponse {
  readonly status: number | null;
  readonly head?: string;
  readonly body?: string | { readonly hex: string };
  readonly chunks?: readonly (readonly [ms: number, data: string])[];
  /** Of long streams, which keep only their first chunks in `chunks`. */
  readonly last_chunks?: readonly (readonly [ms: number, data: string])[];
  readonly chunk_count?: number;
  readonly client_error?: string;
  readonly idle_close_seconds?: number;
  /** Of `/metrics`: samples without buckets and creation times, instead of the body. */
  readonly vllm_lines?: readonly string[];
}

/** @throws OperationalError naming file and line */
export function readExchanges(path: string): RecordedExchange[] {
  return (path.endsWith(".gz") ? gunzipSync(readFileSync(path)).toString() : readTextFile(path))
    .split("\n")
    .filter((line) => line !== "")
    .map((line, index) => parseJson(line, `${path}:${index + 1}`) as RecordedExchange);
}

/** The bytes as they were sent. Cut texts repeat one word, so that their length restores them. */
export function requestBytes({ request: { head, body } }: RecordedExchange): Buffer {
  return Buffer.concat([Buffer.from(`${head}\r\n\r\n`), bodyBytes(head, body)]);
}

const CUT = "...(cut)...";

function bodyBytes(head: string, body: RecordedExchange["request"]["body"]): Buffer {
  if (body === undefined) return Buffer.alloc(0);
  if (typeof body === "object") return Buffer.from(body.hex, "hex");
  const cutAt = body.indexOf(CUT);
  if (cutAt < 0) return Buffer.from(body);
  const before = body.slice(0, body.indexOf("hello "));
  const after = body.slice(body.lastIndexOf("hello ") + "hello ".length);
  const length = Number(/content-length: (\d+)/i.exec(head)?.[1]);
  const words = (length - Buffer.byteLength(before) - Buffer.byteLength(after)) / "hello ".length;
  return Buffer.from(before + "hello ".repeat(words) + after);
}

/** A response head as its status and its headers, in order. */
export function parseHead(head: string): { status: number; headers: [string, string][] } {
  const [statusLine = "", ...lines] = head.split("\r\n");
  return {
    status: Number(statusLine.split(" ")[1]),
    headers: lines.map((line) => {
      const at = line.indexOf(": ");
      return at < 0 ? [line.replace(/:$/, ""), ""] : [line.slice(0, at), line.slice(at + 2)];
    }),
  };
}
