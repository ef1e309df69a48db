/** What two texts have in common, rightly and wrongly counted. */

/** Characters from the start. */
export function commonChars(a: string, b: string): number {
  if (a === b) return a.length;
  let length = 0;
  // Most pairs differ in the first word.
  if (a.charCodeAt(1) === b.charCodeAt(1) && a.charCodeAt(2) === b.charCodeAt(2)) {
    while (length + 64 <= a.length && a.slice(length, length + 64) === b.slice(length, length + 64)) length += 64;
  }
  while (length < a.length && length < b.length && a.charCodeAt(length) === b.charCodeAt(length)) length++;
  return length;
}

/** Characters from the end. */
export const commonEndChars = (a: string, b: string): number => commonChars(reversed(a), reversed(b));

const reversed = (text: string): string => Array.from(text).toReversed().join("");

/** Of a block. */
const BLOCK_CHARS = 80;

/** Characters of `text` that stand in 80-character blocks which the other text has anywhere. */
export function bagChars(text: string, other: string): number {
  const blocks = new Set<string>();
  for (let at = 0; at + BLOCK_CHARS <= other.length; at += BLOCK_CHARS) blocks.add(other.slice(at, at + BLOCK_CHARS));
  let chars = 0;
  for (let at = 0; at + BLOCK_CHARS <= text.length; at += BLOCK_CHARS) {
    if (blocks.has(text.slice(at, at + BLOCK_CHARS))) chars += BLOCK_CHARS;
  }
  return chars;
}

/** Characters of the blocks at the start of `text` which one of the others, not always the same, has at the same place. */
export function placedChars(text: string, others: readonly string[]): number {
  const isKnown = (at: number): boolean =>
    others.some((other) => other.slice(at, at + BLOCK_CHARS) === text.slice(at, at + BLOCK_CHARS));
  let chars = 0;
  while (chars + BLOCK_CHARS <= text.length && isKnown(chars)) chars += BLOCK_CHARS;
  return chars;
}

/** The text with the words of each block in alphabetical order. */
export function sortedInBlocks(text: string): string {
  const blocks = [];
  for (let at = 0; at < text.length; at += BLOCK_CHARS) {
    blocks.push(
      text
        .slice(at, at + BLOCK_CHARS)
        .split(" ")
        .sort()
        .join(" "),
    );
  }
  return blocks.join("");
}

/** The text with all but the first characters of each block blanked. */
export function headsOfBlocks(text: string, blockChars: number, headChars: number): string {
  const heads = [];
  for (let at = 0; at < text.length; at += blockChars) {
    heads.push(text.slice(at, at + headChars).padEnd(Math.min(blockChars, text.length - at), "."));
  }
  return heads.join("");
}
