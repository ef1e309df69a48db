/**
 * Tokenises a text in segments and remembers each, so that a prefix seen before costs a look-up instead of a merge.
 *
 * Segments end where cl100k_base's splitting pattern always ends a piece: no alternative of it matches a letter followed
 * by a non-letter, or a digit followed by a non-digit. Encoding the segments one by one therefore gives exactly the ids
 * of the whole text. Where a segment ends depends on the text before that point alone, so prompts that share a prefix
 * share its segments. A model's own tokenizer may merge across such a point: its ids can then differ there from the
 * engine's, though never between two prompts with the same prefix.
 */
import type { Tokenizer } from "../../../fixtures/tokenizer/tokenizer.ts";

/** Short enough that a changed tail repeats little work, long enough that the look-up is cheap. */
const MIN_SEGMENT_CHARS = 256;
/**
 * A run without an end is cut anyway: byte-pair merging is quadratic in the length of one piece, and a megabyte of one
 * letter must not stop the router.
 */
const MAX_SEGMENT_CHARS = 512;

/** What an entry costs beside its text and ids: 260 bytes a short one and 290 a long one, measured on Node 24. */
const ENTRY_BYTES = 256;

export class SegmentCache {
  readonly #tokenizer: Tokenizer;
  readonly #capacityBytes: number;
  /** Least recently used first. */
  readonly #segments = new Map<string, Int32Array>();
  #storedBytes = 0;

  constructor(tokenizer: Tokenizer, capacityBytes: number) {
    this.#tokenizer = tokenizer;
    this.#capacityBytes = capacityBytes;
  }

  /** Token ids of `text`, as one array per segment. */
  encode(text: string): Int32Array[] {
    const ids: Int32Array[] = [];
    for (let start = 0; start < text.length;) {
      const end = segmentEnd(text, start);
      ids.push(this.#segment(text.slice(start, end)));
      start = end;
    }
    return ids;
  }

  #segment(segment: string): Int32Array {
    const known = this.#segments.get(segment);
    if (known !== undefined) {
      this.#segments.delete(segment);
      this.#segments.set(segment, known);
      return known;
    }
    const ids = Int32Array.from(this.#tokenizer.encode(segment));
    // A slice keeps its whole prompt in memory: the key is a copy.
    this.#segments.set(Buffer.from(segment, "utf16le").toString("utf16le"), ids);
    this.#storedBytes += entryBytes(segment, ids);
    for (const [oldest, itsIds] of this.#segments) {
      if (this.#storedBytes <= this.#capacityBytes) break;
      this.#segments.delete(oldest);
      this.#storedBytes -= entryBytes(oldest, itsIds);
    }
    return ids;
  }
}

/** A short text costs little less than a long one: counting characters alone would let many short ones fill the heap. */
function entryBytes(segment: string, ids: Int32Array): number {
  return ENTRY_BYTES + segment.length + ids.byteLength;
}

const PIECE_END = /\p{L}(?=\P{L})|\p{N}(?=\P{N})/u;

function segmentEnd(text: string, start: number): number {
  if (text.length - start <= MIN_SEGMENT_CHARS) return text.length;
  const searchFrom = wholeCharacter(text, start + MIN_SEGMENT_CHARS);
  const searchTo = wholeCharacter(text, Math.min(text.length, start + MAX_SEGMENT_CHARS));
  const found = PIECE_END.exec(text.slice(searchFrom, searchTo));
  return found === null ? searchTo : searchFrom + found.index + found[0].length;
}

/** The index itself, or the one before where it would split a surrogate pair. */
function wholeCharacter(text: string, index: number): number {
  const before = text.charCodeAt(index - 1);
  const after = text.charCodeAt(index);
  const splits = before >= 0xd800 && before <= 0xdbff && after >= 0xdc00 && after <= 0xdfff;
  return splits ? index - 1 : index;
}
