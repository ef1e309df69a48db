/** Compares a pod's answer with the recorded one: status, headers in order, JSON in order, chunks in order. */
import type { RawResponse } from "./raw-client.ts";
import { ADDED_HEADERS, MASKED_HEADERS, MASKED_KEYS, type Asked } from "./masks.ts";
import { parseHead, type RecordedExchange } from "./recorded-exchange.ts";

export interface Difference {
  readonly id: string;
  readonly server: string;
  readonly what: "status" | "headers" | "body" | "chunks" | "connection";
  readonly recorded: string;
  readonly ours: string;
}

export function compare(exchange: RecordedExchange, ours: RawResponse): Difference[] {
  const { response, id, server } = exchange;
  const asked = askedOf(exchange);
  const differ = (what: Difference["what"], recorded: string, own: string): Difference[] =>
    recorded === own ? [] : [{ id, server, what, recorded, ours: own }];
  const recordedHead = parseHead(response.head ?? "");
  const ownHead = parseHead(ours.head);
  const isPage = response.vllm_lines !== undefined;
  const texts = {
    recorded: isPage ? pageShape(response.vllm_lines) : bodyText(response.body, asked),
    ours: isPage ? pageShape(samples(ours.chunks?.join("") ?? ours.body)) : bodyText(ours.body, asked),
  };
  const sameBytes = typeof response.body === "string" && response.body === texts.recorded && !isPage;
  return [
    ...differ("status", String(recordedHead.status), String(ownHead.status)),
    ...differ("headers", headerText(recordedHead.headers, sameBytes), headerText(ownHead.headers, sameBytes)),
    ...(response.chunks === undefined && (isPage || ours.chunks === undefined)
      ? differ("body", texts.recorded, texts.ours)
      : compareChunks(exchange, ours, asked, differ)),
  ];
}

/** A content length is compared when nothing in the body is masked; else it need only be there. */
function headerText(headers: readonly (readonly [string, string])[], exactLength: boolean): string {
  return headers
    .filter(([name]) => !ADDED_HEADERS.has(name))
    .map(([name, value]) => {
      if (MASKED_HEADERS[name]?.test(value) === true) return `${name}: <${name}>`;
      return name === "content-length" && !exactLength ? `${name}: <length>` : `${name}: ${value}`;
    })
    .join("\n");
}

function bodyText(body: string | { readonly hex: string } | undefined, asked: Asked): string {
  if (typeof body === "object") return body.hex;
  return maskText(body ?? "", asked);
}

function maskText(text: string, asked: Asked): string {
  try {
    return JSON.stringify(mask(JSON.parse(text), asked));
  } catch {
    return text;
  }
}

function mask(value: unknown, asked: Asked): unknown {
  if (Array.isArray(value)) return value.map((item) => mask(item, asked));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      const masked = item === null ? undefined : MASKED_KEYS[key];
      const inside = mask(item, asked);
      return [key, masked === undefined ? inside : masked(inside, asked)];
    }),
  );
}

function maskChunk(data: string, asked: Asked): string {
  const [, event = "", json] = /^(event: \w+\n)?data: (\{.*\})\n\n$/s.exec(data) ?? [];
  return json === undefined ? data : `${event}data: ${maskText(json, asked)}\n\n`;
}

type Differ = (what: Difference["what"], recorded: string, own: string) => Difference[];

/**
 * A busy vLLM merges what waits for a slow consumer into one chunk; recordings of long streams keep the ends only. The
 * first chunks, the last ones, and every kind between them are compared; the number only where nothing was merged.
 */
function compareChunks({ response }: RecordedExchange, ours: RawResponse, asked: Asked, differ: Differ): Difference[] {
  const masked = (chunks: readonly string[]) => byChoice(chunks.map((data) => maskChunk(data, asked)));
  const recorded = masked((response.chunks ?? []).map(([, data]) => data));
  const last = (response.last_chunks ?? []).map(([, data]) => maskChunk(data, asked));
  const own = masked(ours.chunks ?? []);
  if (last.length === 0 && !isMerged(recorded, own)) return differ("chunks", recorded.join(""), own.join(""));
  // How far a stream had come when it was aborted is the clock's doing.
  const aborted = last.some((chunk) => chunk.includes('"finish_reason":"abort"'));
  const plain = (chunk: string) => (aborted || !chunk.includes('"choices":[]') ? withoutCounts(chunk) : chunk);
  const ends = (chunks: readonly string[]) => [...chunks.slice(0, 1), ...chunks.slice(-tailOf(chunks))];
  const kinds = (chunks: readonly string[]) => [...new Set(chunks.map(plain))].sort();
  const all = [...recorded, ...last];
  return [
    ...differ("chunks", ends(all).map(plain).join(""), ends(own).map(plain).join("")),
    ...differ("chunks", kinds(all).join(""), kinds(own).join("")),
  ];
}

/** In which step which choice got its token is the clock's doing: each choice's chunks together, then what concerns all. */
function byChoice(chunks: readonly string[]): string[] {
  const choiceOf = (chunk: string) => Number(/"choices":\[\{"index":(\d+)/.exec(chunk)?.[1] ?? Infinity);
  return chunks.toSorted((one, other) => (choiceOf(one) === choiceOf(other) ? 0 : choiceOf(one) - choiceOf(other)));
}

/** Fewer chunks than tokens: some were merged. */
function isMerged(recorded: readonly string[], own: readonly string[]): boolean {
  return (
    recorded.length < own.length && new Set(recorded.map(withoutCounts)).size === new Set(own.map(withoutCounts)).size
  );
}

/** The last token's chunk, the usage chunk if there is one, and the end. */
function tailOf(chunks: readonly string[]): number {
  return chunks.at(-2)?.includes('"choices":[]') === true ? 3 : 2;
}

/** Counts of a chunk in the middle depend on what was merged. */
function withoutCounts(chunk: string): string {
  return chunk
    .replace(/"(total_tokens|completion_tokens)":\d+/g, '"$1":<count>')
    .replace(/"token_ids":"<\d+ ids>"/g, '"token_ids":"<ids>"');
}

/** Samples of a metrics page as the recording keeps them. */
function samples(page: string): string[] {
  return page
    .split("\n")
    .filter((line) => line.startsWith("vllm:") && !/_(bucket|created)\{|cache_config_info/.test(line));
}

/** Names and labels; values are compared with the page recordings. */
function pageShape(lines: readonly string[]): string {
  return lines.map((line) => line.slice(0, line.lastIndexOf(" "))).join("\n");
}

function askedOf({ request, group, id }: RecordedExchange): Asked {
  const body = typeof request.body === "string" ? safeJson(request.body) : {};
  const echoed = body["echo"] === true && typeof body["prompt"] === "string" ? body["prompt"] : "";
  return {
    echoed,
    silent: body["max_tokens"] === 0,
    ownIds: id.includes("render"),
    tokenizes: group === "tokenize",
  };
}

function safeJson(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === "object" ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
