/** TOK: what is the same however it is written, and what is another text although it looks the same. */
import type { Case } from "../../case.ts";
import type { Prompt } from "../../corpus/corpus.ts";
import type { Lab } from "../../lab.ts";
import type { RouterProfile } from "../../router-profile.ts";
import { all, claimed, coldReachable, followed, no, prefixAware, separable } from "../claims.ts";
import { JSON_TYPES } from "../gateway/media-types.ts";
import { askBusyOwner } from "../trials/owner-trial.ts";
import { routingCase } from "../trials/routing-case.ts";
import { trunk } from "../trials/shape.ts";

type Spelling = (text: string) => readonly [known: string, asked: string];

/** Pairs that are the same to a careless reader, and differ for every tokenizer from the first or second word on. */
const SPELLINGS: readonly Spelling[] = [
  (text) => [text, text.replace(/[a-z]/, (letter) => letter.toUpperCase())],
  (text) => [text, text.replace(/(?<=[a-z]) /, "  ")],
  (text) => [` \u00e9${text}`, ` \u00e8${text}`],
  (text) => [` \u{1f600}${text}`, ` \u{1f680}${text}`],
  (text) => [` 1${text}`, ` 2${text}`],
  (text) => [text, `\n${text}`],
  // One that takes a text for a string of C reads the same two letters.
  (text) => [` a\u0000${text}`, ` a\u0000${text.split(/(?= )/).toReversed().join("")}`],
];

/** Some tokenizers write these anew before they cut: Qwen's composes letters. */
const NORMALIZED: readonly Spelling[] = [
  // One composed, the other of letter and accent.
  (text) => [` \u00e9${text}`, ` e\u0301${text}`],
  (text) => [` a${text}`, ` a\u200b${text}`],
];

const ALL_SPELLINGS = [...SPELLINGS, ...NORMALIZED];

/** In characters, bytes, or a vocabulary of tiktoken's, which all take a text as it is. */
function isTakenAsItIs({ match }: RouterProfile): boolean {
  const unit = match?.unit;
  if (typeof unit !== "object") return true;
  return "token" in unit ? unit.token.endsWith("_base") : unit.of !== "token";
}

function respelt(lab: Lab, index: number): readonly [Prompt, Prompt] {
  const { text, cells: names } = trunk(lab.corpus.namespace(), 6);
  const spellings = isTakenAsItIs(lab.profile) ? ALL_SPELLINGS : SPELLINGS;
  const spelling = spellings[index % spellings.length] ?? ((same) => [same, same]);
  const [known, asked] = spelling(text);
  return [
    { text: known, cells: names },
    { text: asked, cells: names },
  ];
}

const inputClaimed = claimed("match.input", ({ match }: RouterProfile) => match?.input !== undefined);

export const spellingCases: readonly Case[] = [
  routingCase({
    id: "TOK-08",
    level: "SHOULD",
    requirement: "R-TOK-8",
    title: "Escapes, white space and the order of keys in the JSON SHOULD NOT change the match.",
    needs: { transport: "http" },
    unsupported: all(prefixAware, followed, inputClaimed, ({ match }) =>
      match?.input === "json" ? no("the profile declares that the JSON itself is matched") : undefined,
    ),
    blame: { owner: "json-spelling-changes-the-match" },
    trial: async (lab) => {
      const seed = trunk(lab.corpus.namespace(), 6);
      await askBusyOwner(lab, { seed, probeOptions: { write: oddlySpelt }, kind: "owner" });
    },
  }),
  routingCase({
    id: "TOK-12",
    level: "declared-MUST",
    requirement: "R-TOK-12",
    title:
      "Texts that differ in letter case, white space, digits, Unicode form, letters beyond ASCII, what has no width or what follows a NUL alone MUST NOT be taken for one another.",
    unsupported: all(prefixAware, separable, coldReachable),
    blame: { load: "other-text-matched" },
    trials: ALL_SPELLINGS.length,
    trial: async (lab, index) => {
      const [seed, probe] = respelt(lab, index);
      await askBusyOwner(lab, { seed, probe, kind: "load" });
    },
  }),
  routingCase({
    id: "TOK-21",
    level: "SHOULD",
    requirement: "R-TOK-8",
    title: "A charset in the media type of a request, or its letter case, SHOULD NOT change the match.",
    needs: { transport: "http" },
    unsupported: all(prefixAware, followed),
    blame: { owner: "media-type-changes-the-match" },
    trial: async (lab, index) => {
      const seed = trunk(lab.corpus.namespace(), 6);
      const headers = { "content-type": JSON_TYPES[index % JSON_TYPES.length] ?? "" };
      await askBusyOwner(lab, { seed, probeOptions: { headers }, kind: "owner" });
    },
  }),
];

/** The same JSON value: keys the other way round, indented, every e in a value escaped. */
function oddlySpelt(body: Readonly<Record<string, unknown>>): string {
  const reversed = Object.fromEntries(Object.entries(body).toReversed());
  const strings = /"(?:[^"\\]|\\.)*"(\s*:)?/g;
  return JSON.stringify(reversed, null, 2).replaceAll(strings, (text, key?: string) =>
    key === undefined ? text.replaceAll("e", "\\u0065") : text,
  );
}
