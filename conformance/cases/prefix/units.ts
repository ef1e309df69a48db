/** TOK-14 to TOK-17: lengths are counted in the unit declared, in blocks of the size declared, and every letter of a block counts. */
import type { Case } from "../../case.ts";
import { CHARS_PER_WORD, type Prompt } from "../../corpus/corpus.ts";
import { ANY_MATCH, passes } from "../../oracle/threshold.ts";
import type { RouterProfile } from "../../router-profile.ts";
import {
  all,
  belowReachable,
  busyOwner,
  type Claim,
  claimed,
  coldReachable,
  exactLengths,
  no,
  ofRequest,
  prefixAware,
  separable,
} from "../claims.ts";
import { askBusyOwner } from "../trials/owner-trial.ts";
import { routingCase } from "../trials/routing-case.ts";
import { cells, thresholdOf, trunk } from "../trials/shape.ts";

const contrast = all(prefixAware, separable, busyOwner);

interface Blocks {
  /** Of one block; every token of the corpus is a word. */
  readonly chars: number;
  readonly units: number;
}

function blocksOf({ match }: RouterProfile): Blocks | undefined {
  const unit = match?.unit;
  if (typeof unit !== "object" || !("block" in unit)) return undefined;
  return { units: unit.block, chars: unit.block * (unit.of === "token" ? CHARS_PER_WORD : 1) };
}

const inBlocks: Claim = (profile) =>
  blocksOf(profile) === undefined ? no("the router does not match in blocks") : undefined;

/** The last letter of every block is another one. */
const withoutEnds = (text: string, blockChars: number): string =>
  Array.from(text, (letter, at) => ((at + 1) % blockChars === 0 ? (letter === "x" ? "y" : "x") : letter)).join("");

/** Two words more than prompts share by chance. */
const FEWEST_CHARS = 40;
const MOST_BLOCKS = 64;

/** In blocks: an odd number of shared ones is just enough, and one less is not. */
function oddEnough(profile: RouterProfile): { readonly shared: number; readonly total: number } | undefined {
  const threshold = profile.threshold ?? ANY_MATCH;
  const { chars } = blocksOf(profile) ?? { chars: 1 };
  for (let total = 2; total <= MOST_BLOCKS; total += 2) {
    for (let shared = 1; shared < total; shared += 2) {
      const isEnough = passes(shared, total, threshold) && !passes(shared - 1, total, threshold);
      if (isEnough && shared * chars >= FEWEST_CHARS) return { shared, total };
    }
  }
  return undefined;
}

/** Units of a prompt that is no corpus text are counted for letters and bytes alone. */
const inLetters: Claim = ({ match }) => {
  const unit = match?.unit;
  if (unit === "char" || unit === "byte") return undefined;
  if (typeof unit === "object" && "block" in unit && unit.of !== "token") return undefined;
  return no("neither characters nor bytes are matched");
};

/** A threshold at which letters and bytes can be told apart clearly. */
const MIDDLE_THRESHOLD: Claim = (profile) => {
  const value = thresholdOf(profile);
  return value >= 0.2 && value <= 0.9 ? undefined : no("the threshold is too near an end to tell the units apart");
};

const SHARED_CHARS = 1_280;
const FIRST_IDEOGRAPH = 0x4e00;
const IDEOGRAPHS = 20_000;
const BYTES_EACH = 3;

/** Letters of three bytes each. */
function ideographs(count: number, below: (limit: number) => number): string {
  return Array.from({ length: count }, () => String.fromCodePoint(FIRST_IDEOGRAPH + below(IDEOGRAPHS))).join("");
}

/** So many letters after the shared ones that their share is over the threshold by as much as that of the bytes is under it. */
function otherLetters(profile: RouterProfile): number {
  const value = thresholdOf(profile);
  const sameInBytes = (BYTES_EACH * value) / (1 + (BYTES_EACH - 1) * value);
  const share = Math.sqrt(value * sameInBytes);
  return Math.round(SHARED_CHARS / share) - SHARED_CHARS;
}

export const unitCases: readonly Case[] = [
  routingCase({
    id: "TOK-14",
    level: "declared-MUST",
    requirement: "R-TOK-14",
    title: "Every whole block of the declared size that is shared MUST count.",
    unsupported: all(contrast, inBlocks, exactLengths, ofRequest, (profile) =>
      oddEnough(profile) === undefined ? no("no odd number of blocks is just enough") : undefined,
    ),
    blame: { owner: "blocks-of-another-size" },
    trial: async (lab) => {
      const { chars } = blocksOf(lab.profile) ?? { chars: 0 };
      const { shared, total } = oddEnough(lab.profile) ?? { shared: 0, total: 0 };
      const namespace = lab.corpus.namespace();
      const most = Math.ceil((total * chars) / trunk(namespace, 1).text.length) + 1;
      const known = trunk(namespace, most).text.slice(0, shared * chars);
      const rest = lab.corpus.namespace().prompt(cells("leaf", most)).text;
      const seed: Prompt = { text: known, cells: ["nonce", `first ${shared} blocks`] };
      const probe: Prompt = {
        text: known + rest.slice(known.length, total * chars),
        cells: [...seed.cells, `to ${total}`],
      };
      await askBusyOwner(lab, { seed, probe, kind: "owner" });
    },
  }),
  routingCase({
    id: "TOK-15",
    level: "declared-MUST",
    requirement: "R-TOK-15",
    title: "A prompt that does not fill one block MUST be known again where partial blocks count, and only there.",
    unsupported: all(
      contrast,
      inBlocks,
      coldReachable,
      claimed("match.partialBlock", ({ match }) => match?.partialBlock !== undefined),
      (profile) =>
        (blocksOf(profile)?.chars ?? 0) < FEWEST_CHARS
          ? no("a block is as short as what prompts share by chance")
          : undefined,
    ),
    blame: { load: "partial-block-counted", owner: "partial-block-dropped" },
    trial: async (lab) => {
      const { units, chars } = blocksOf(lab.profile) ?? { units: 1, chars: 1 };
      const { text } = trunk(lab.corpus.namespace(), Math.ceil(chars / FEWEST_CHARS));
      const seed: Prompt = {
        text: text.slice(0, chars - chars / units),
        cells: ["nonce", "one unit less than a block"],
      };
      const kind = lab.profile.match?.partialBlock === "dropped" ? "load" : "owner";
      await askBusyOwner(lab, { seed, kind });
    },
  }),
  routingCase({
    id: "TOK-16",
    level: "declared-MUST",
    requirement: "R-TOK-16",
    title: "Prompts that differ at the end of every block MUST NOT be taken for one another.",
    unsupported: all(contrast, coldReachable, (profile) =>
      blocksOf(profile) === undefined ? belowReachable(profile) : undefined,
    ),
    blame: { load: "ends-of-blocks-not-read" },
    trial: async (lab, index) => {
      const namespace = lab.corpus.namespace();
      const seed = trunk(namespace, 6);
      if (index % 2 === 1 && inLetters(lab.profile) === undefined) {
        const probe = {
          text: withoutEnds(seed.text, blocksOf(lab.profile)?.chars ?? 64),
          cells: ["nonce", "last letters changed"],
        };
        await askBusyOwner(lab, { seed, probe, kind: "load" });
        return;
      }
      const other = lab.corpus.namespace().prompt(cells("leaf", 6)).text;
      const every = blocksOf(lab.profile)?.chars ?? 64;
      // The last word that lies in its block whole: the next block begins as it did.
      const blockOf = (at: number): number => Math.floor(at / every);
      const isWhole = (at: number): boolean => blockOf(at) === blockOf(at + CHARS_PER_WORD - 1);
      const isLast = (at: number): boolean =>
        isWhole(at) && !(isWhole(at + CHARS_PER_WORD) && blockOf(at) === blockOf(at + CHARS_PER_WORD));
      const words = Array.from({ length: seed.text.length / CHARS_PER_WORD }, (_, index) => {
        const at = index * CHARS_PER_WORD;
        const word = (text: string, from: number): string => text.slice(from, from + CHARS_PER_WORD);
        return isLast(at) ? word(other, at % other.length) : word(seed.text, at);
      });
      await askBusyOwner(lab, {
        seed,
        probe: { text: words.join(""), cells: ["nonce", "ends of blocks changed"] },
        kind: "load",
      });
    },
  }),
  routingCase({
    id: "TOK-17",
    level: "declared-MUST",
    requirement: "R-TOK-17",
    title: "Lengths MUST be counted in the declared unit, characters or bytes, on both sides of the ratio.",
    unsupported: all(contrast, coldReachable, inLetters, MIDDLE_THRESHOLD, exactLengths, ofRequest),
    blame: { load: "counted-in-another-unit", owner: "counted-in-another-unit" },
    trial: async (lab, index) => {
      const { profile } = lab;
      const { unit } = profile.match ?? {};
      const inBytes = unit === "byte" || (typeof unit === "object" && "of" in unit && unit.of === "byte");
      const known = trunk(lab.corpus.namespace(), 2).text;
      const below = (limit: number): number => lab.random.below(limit);
      // Many letters of one byte are few bytes beside few letters of three, and the other way round.
      const [shared, rest] =
        index % 2 === 0
          ? [known, ideographs(otherLetters(profile), below)]
          : [ideographs(SHARED_CHARS, below), known.repeat(8).slice(0, otherAscii(profile))];
      const seed: Prompt = { text: shared, cells: ["nonce", "shared letters"] };
      const probe: Prompt = { text: shared + rest, cells: [...seed.cells, "other letters"] };
      const kind = (index % 2 === 0) === inBytes ? "load" : "owner";
      await askBusyOwner(lab, { seed, probe, kind });
    },
  }),
];

/** The mirror: letters of three bytes are shared, and those of one byte follow. */
function otherAscii(profile: RouterProfile): number {
  const value = thresholdOf(profile);
  const sameInLetters = value / (BYTES_EACH - (BYTES_EACH - 1) * value);
  const share = Math.sqrt(value * sameInLetters);
  return Math.round(SHARED_CHARS / share) - SHARED_CHARS;
}
