/** Tokenizer-neutral prompts made of cells: 128 words that are one token each, 640 characters, 640 bytes. */
import type { RandomStream } from "../../fixtures/random.ts";
import { CORPUS_WORDS } from "./words.ts";
import type { ChatMessage, PromptRecord } from "../observation.ts";

export const WORDS_PER_CELL = 128;
/** A word and the space before it: one token, five characters, five bytes. */
export const CHARS_PER_WORD = 5;

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
  /** A chat of such cells; the first message begins with the nonce cell. */
  chat(messages: readonly ChatCells[]): Prompt;
}

export interface ChatCells {
  readonly role: ChatMessage["role"];
  readonly cells: readonly string[];
}

/** Draws every word from `random`: the same stream gives the same texts. */
export function createCorpus(random: RandomStream): Corpus {
  return { namespace: () => new WordNamespace(random) };
}

const WORDS_BY_LETTER = [...Map.groupBy(CORPUS_WORDS, (word) => word.charAt(0)).values()];

/** Words like any other, so that a chat counts in every unit; what a real template writes differs by a few tokens. */
const ROLE_WORD = { system: " role syst", user: " role user", assistant: " role asst" } as const;
const MESSAGE_END = " stop";

class WordNamespace implements Namespace {
  readonly #random: RandomStream;
  readonly #cells = new Map<string, readonly string[]>();
  readonly #letters: readonly (readonly string[])[];
  readonly #firstWords = new Set<string>();

  constructor(random: RandomStream) {
    this.#random = random;
    this.#letters = random.shuffle(WORDS_BY_LETTER);
    // A nonce starts with any word, or namespaces would collide more often than chance.
    this.#cells.set("", [random.pick(CORPUS_WORDS), ...this.#words(WORDS_PER_CELL - 1)]);
  }

  prompt(cells: readonly string[]): Prompt {
    const text = ["", ...cells].map((name) => this.#text(name)).join("");
    return { text, cells: ["nonce", ...cells] };
  }

  chat(messages: readonly ChatCells[]): Prompt {
    const sent = messages.map(({ role, cells }, index) => {
      const names = index === 0 ? ["", ...cells] : cells;
      return { role, names, content: names.map((name) => this.#text(name)).join("") };
    });
    return {
      text: sent.map(({ role, content }) => ROLE_WORD[role] + content + MESSAGE_END).join(""),
      cells: sent.flatMap(({ role, names }) => [`(${role})`, ...names.map((name) => (name === "" ? "nonce" : name))]),
      messages: sent.map(({ role, content }) => ({ role, content })),
    };
  }

  #text(cell: string): string {
    const [name = "", fraction] = cell.split(":");
    const count = fraction === undefined ? WORDS_PER_CELL : Math.round(Number(fraction) * WORDS_PER_CELL);
    return this.#cell(name)
      .slice(0, count)
      .map((word) => ` ${word}`)
      .join("");
  }

  #cell(name: string): readonly string[] {
    const known = this.#cells.get(name);
    if (known !== undefined) return known;
    const cell = [this.#firstWord(), ...this.#words(WORDS_PER_CELL - 1)];
    this.#cells.set(name, cell);
    return cell;
  }

  /** One per letter until the letters run out, then any word not yet used. */
  #firstWord(): string {
    const letter = this.#letters[this.#firstWords.size];
    const free = (letter ?? CORPUS_WORDS).filter((word) => !this.#firstWords.has(word));
    const word = this.#random.pick(free);
    this.#firstWords.add(word);
    return word;
  }

  #words(count: number): string[] {
    return Array.from({ length: count }, () => this.#random.pick(CORPUS_WORDS));
  }
}
