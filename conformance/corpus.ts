/** Tokenizer-neutral prompts made of cells: 128 words that are one token each, 640 characters, 640 bytes. */
import type { PromptRecord } from "./observation.ts";

/** A prompt a case can send. */
export type Prompt = PromptRecord;

export interface Corpus {
  /** A fresh namespace: its nonce cell is shared with no other prompt of any run with another seed. */
  namespace(): Namespace;
}

export interface Namespace {
  /**
   * The nonce cell followed by cells with these names. The same name gives the same text within a namespace; different
   * names differ in their first word. `"a:0.3"` is the first three tenths of cell `a`, cut at a word.
   */
  prompt(cells: readonly string[]): Prompt;
}
