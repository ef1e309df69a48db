/** A word of a command line that can be pasted into a shell. */
export function quoted(word: string): string {
  return /[^\w./:,-]/.test(word) ? `'${word.replaceAll("'", String.raw`'\''`)}'` : word;
}
