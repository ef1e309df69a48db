/** `verify --check-corpus`: holds the corpus to the vocabularies of real models, or to that of a tokenizer's folder. */
import { OperationalError } from "../../fixtures/operational-error.ts";
import { Random } from "../../fixtures/random.ts";
import { folderTokenizer } from "../../fixtures/tokenizer/folder-tokenizer.ts";
import { isNeutral, neutralityOf, type Neutrality } from "./neutrality.ts";
import { type Encode, VOCABULARIES, type Vocabulary } from "./vocabularies.ts";
import { CORPUS_WORDS } from "./words.ts";

export type CorpusRow = {
  readonly type: "corpus";
  readonly vocabulary: string;
  /** An npm package or a file. */
  readonly source: string;
} & (
  | ({ readonly verdict: "pass" | "fail" } & Neutrality)
  /** The package is not installed. */
  | { readonly verdict: "not-run"; readonly reason: string }
);

/** One row for each vocabulary, as it is checked. @throws {OperationalError} what a folder's tokenizer throws */
export async function* checkCorpus(seed: number, vocabularies = VOCABULARIES): AsyncGenerator<CorpusRow> {
  for (const vocabulary of vocabularies) {
    const { name, source } = vocabulary;
    yield { type: "corpus", vocabulary: name, source, ...(await check(vocabulary, seed)) };
  }
}

/** 0 neutral in each, 1 not in one of them, 2 one was not asked. */
export function corpusExitCode(rows: readonly CorpusRow[]): number {
  if (rows.some(({ verdict }) => verdict === "fail")) return 1;
  return rows.some(({ verdict }) => verdict === "not-run") ? 2 : 0;
}

/** As a terminal shows it. */
export function corpusLine(row: CorpusRow): string {
  const line = (mark: string, text: string): string =>
    `  ${mark.padEnd(5)} ${row.vocabulary.padEnd(14)} ${row.source.padEnd(21)} ${text}`;
  if (row.verdict === "not-run") return line("-", `not checked: ${row.reason}`);
  const { leadTokens, prompts, wrongWords, wrongPrompts } = row;
  const lead = leadTokens === 0 ? "" : `; ${leadTokens} more before the first word`;
  if (row.verdict === "pass")
    return line("ok", `${CORPUS_WORDS.length} words and ${prompts} prompts: a token a word${lead}`);
  const parts = [
    ofAll(
      wrongWords.map(({ word, tokens }) => `${word} (${tokens})`),
      CORPUS_WORDS.length,
      "words are not one token",
    ),
    ofAll(wrongPrompts, prompts, "prompts count wrong"),
  ];
  return line("FAIL", parts.filter((part) => part !== "").join("; "));
}

async function check({ load }: Vocabulary, seed: number) {
  try {
    const found = neutralityOf(await load(), new Random(seed).stream("corpus"));
    return { verdict: isNeutral(found) ? ("pass" as const) : ("fail" as const), ...found };
  } catch (error) {
    if (!(error instanceof OperationalError) || error.code !== "REQUIREMENT_MISSING") throw error;
    return { verdict: "not-run" as const, reason: error.message };
  }
}

/** The vocabulary of a model's own folder, which is read when it is loaded. */
export function folderVocabulary(folder: string): Vocabulary {
  const load = async (): Promise<Encode> => {
    const tokenizer = folderTokenizer(folder);
    return (text) => tokenizer.encode(text);
  };
  return { name: "tokenizer.json", source: folder, load };
}

function ofAll(wrong: readonly string[], all: number, what: string): string {
  if (wrong.length === 0) return "";
  return `${wrong.length} of ${all} ${what}: ${wrong.slice(0, 3).join(", ")}${wrong.length > 3 ? ", ..." : ""}`;
}
