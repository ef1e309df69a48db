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

const BAG_CHARS = 80;

/** Characters of `text` that stand in 80-character blocks which the other text has anywhere. */
export function bagChars(text: string, other: string): number {
  const blocks = new Set<string>();
  for (let at = 0; at + BAG_CHARS <= other.length; at += BAG_CHARS) blocks.add(other.slice(at, at + BAG_CHARS));
  let chars = 0;
  for (let at = 0; at + BAG_CHARS <= text.length; at += BAG_CHARS) {
    if (blocks.has(text.slice(at, at + BAG_CHARS))) chars += BAG_CHARS;
  }
  return chars;
}

/** The text with all but the first characters of each block blanked. */
export function headsOfBlocks(text: string, blockChars: number, headChars: number): string {
  const heads = [];
  for (let at = 0; at < text.length; at += blockChars) {
    heads.push(text.slice(at, at + headChars).padEnd(Math.min(blockChars, text.length - at), "."));
  }
  return heads.join("");
}
