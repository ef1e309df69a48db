import { encode } from "gpt-tokenizer/encoding/cl100k_base";
import { expect, it } from "vitest";
import { OperationalError } from "../../fixtures/operational-error.ts";
import { checkCorpus, corpusExitCode, corpusLine, type CorpusRow } from "./check-corpus.ts";
import { type Encode, VOCABULARIES } from "./vocabularies.ts";

async function rowsOf(...vocabularies: Parameters<typeof checkCorpus>[1][]): Promise<CorpusRow[]> {
  const rows: CorpusRow[] = [];
  for (const each of vocabularies) for await (const row of checkCorpus(1, each)) rows.push(row);
  return rows;
}

const made = (encodeText: Encode) => [{ name: "made", source: "here", load: async () => encodeText }];

it.each(VOCABULARIES.map((vocabulary) => [vocabulary.name, vocabulary] as const))(
  "finds the corpus neutral in %s",
  async (name, vocabulary) => {
    const [row] = await rowsOf([vocabulary]);
    const isSentencePiece = ["Llama 2", "Mistral v1", "Mistral v3"].includes(name);
    expect(row).toMatchObject({
      verdict: "pass",
      wrongWords: [],
      wrongPrompts: [],
      leadTokens: isSentencePiece ? 1 : 0,
    });
  },
);

it("names a word that is two tokens, and counts the prompts that have it", async () => {
  const split = (text: string) => encode(text.replaceAll(" zone", " zo ne"));
  const rows = await rowsOf(made(split));
  expect(rows).toMatchObject([{ verdict: "fail", wrongWords: [{ word: "zone", tokens: 2 }] }]);
  expect(corpusLine(rows[0]!)).toMatch(/1 of 612 words are not one token: zone \(2\); \d+ of 18 prompts count wrong: /);
  expect(corpusExitCode(rows)).toBe(1);
});

it("sees tokens that join words, although each word alone is one", async () => {
  const joined = (text: string) => encode(text.replaceAll(/ (zero) (\w+)/g, " $1"));
  const [row] = await rowsOf(made(joined));
  expect(row).toMatchObject({
    verdict: "fail",
    wrongPrompts: expect.arrayContaining([expect.stringMatching(/ is \d+ tokens, not \d+$/)]),
  });
});

it("sees a vocabulary whose tokens depend on what comes later", async () => {
  const reversed = (text: string) => encode(text).toReversed();
  const [row] = await rowsOf(made(reversed));
  expect(row).toMatchObject({
    wrongWords: [],
    wrongPrompts: expect.arrayContaining([
      "the tokens of a prompt of 2 cells do not begin with those of its first cells",
      "two prompts that share one cell share 0 tokens, not 128",
    ]),
  });
});

it("leaves a vocabulary undecided whose package is not there, and says how to get it", async () => {
  const load = () =>
    Promise.reject(new OperationalError("REQUIREMENT_MISSING", "xyz is not installed; npm install xyz"));
  const rows = await rowsOf([{ name: "Xyz", source: "xyz", load }], made(encode));
  expect(rows.map(({ verdict }) => verdict)).toEqual(["not-run", "pass"]);
  expect(corpusLine(rows[0]!)).toContain("not checked: xyz is not installed; npm install xyz");
  expect(corpusExitCode(rows)).toBe(2);
});
