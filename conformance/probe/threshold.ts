/** How much of a request must be shared before it follows: in which unit, in which blocks, strictly or not. */
import type { RandomStream } from "../../fixtures/random.ts";
import { CHARS_PER_WORD } from "../corpus/corpus.ts";
import type { RouterProfile } from "../router-profile.ts";
import { freshText, partingAtWord, partingText, type Density } from "./probe-text.ts";
import { simplestBetween } from "./simplest.ts";
import type { Pair, Trials } from "./trials.ts";

type Match = NonNullable<RouterProfile["match"]>;
type Threshold = NonNullable<RouterProfile["threshold"]>;
type BaseUnit = "char" | "byte" | "token";

export interface MatchMeasure {
  readonly match?: Match;
  readonly threshold?: Threshold;
  /** Equality with the threshold was tested to the unit. */
  readonly exact?: boolean;
  /** What was seen, or why nothing more could be. */
  readonly notes: readonly string[];
}

/** Lengths of the requests whose boundaries are compared: no two have a divisor in common with all others. */
const TOTALS_CHARS = [5_000, 4_330, 3_610, 4_795, 5_525, 3_985, 4_655];
const PRECISE_STEPS = 400;
/** Boundaries at other lengths are looked for within this share of the length first. */
const BRACKET_RATIO = 0.08;
const MOST_BLOCK_CHARS = 1_500;

export async function measureMatch(trials: Trials, random: RandomStream): Promise<MatchMeasure> {
  const probe = new MatchProbe(trials, random);
  const chance = await trials.baseline(() => probe.pair(0, 5_000));
  if (chance === undefined) return { notes: ["prompts that share nothing land on the same pod as well"] };
  if ((await probe.follows(5_000, 5_000)) !== true) return { notes: ["not even an identical prompt follows its pod"] };
  const boundaries = await probe.boundaries();
  const granularity = boundaries.map(({ at }) => at).reduce(greatestDivisor);
  if (granularity > MOST_BLOCK_CHARS)
    return { notes: [`no common unit of the boundaries ${boundaries.map(({ at }) => at).join(", ")}`] };
  const value = await probe.thresholdValue(boundaries, granularity);
  const seen = boundaries.map(({ at, total }) => `${at} of ${total}`).join(", ");
  if (value === undefined)
    return { notes: [`no one ratio explains where a shared start begins to be followed: ${seen}`] };
  const base = await probe.baseUnit(value, granularity);
  const match: Match = { unit: unitOf(base, granularity) };
  const notes = [`smallest shared characters that are followed: ${seen}`];
  // Where one unit is enough, only the unit itself can be equal to the threshold.
  if (value === 0) return { match, threshold: { value, comparison: ">" }, exact: true, notes };
  const comparison = await probe.comparison(value, granularity, base);
  if (comparison === undefined)
    return { match, notes: [...notes, `the threshold is near ${value}, not exactly there`] };
  const ratioOf = await probe.ratioOf(value);
  return { match, threshold: { value, comparison, ...(ratioOf && { ratioOf }) }, exact: true, notes };
}

interface Boundary {
  /** The smallest number of shared characters that is followed. */
  readonly at: number;
  readonly total: number;
}

class MatchProbe {
  readonly #trials: Trials;
  readonly #random: RandomStream;

  constructor(trials: Trials, random: RandomStream) {
    this.#trials = trials;
    this.#random = random;
  }

  pair(at: number, total: number, density: Density = "words"): Pair {
    const known = freshText(this.#random, total, density);
    return { known, request: at >= total ? known : partingText(this.#random, known, at, total) };
  }

  follows(at: number, total: number, density?: Density): Promise<boolean | undefined> {
    return this.#trials.follows(() => this.pair(at, total, density));
  }

  async boundaries(): Promise<readonly Boundary[]> {
    const found: Boundary[] = [];
    for (const total of TOTALS_CHARS) {
      const first = found[0];
      const near = first === undefined ? undefined : (first.at / first.total) * total;
      found.push({ at: await this.#boundary(total, { near }), total });
    }
    return found;
  }

  /** By bisection; `near` narrows where to look, as far as it proves right. */
  async #boundary(total: number, { near, density }: { near?: number | undefined; density?: Density }): Promise<number> {
    let low = 0;
    let high = total;
    if (near !== undefined) {
      const below = Math.max(0, Math.floor(near - BRACKET_RATIO * total));
      const above = Math.min(total, Math.ceil(near + BRACKET_RATIO * total));
      if (below > 0)
        if ((await this.follows(below, total, density)) === true) high = below;
        else low = below;
      if (above < high)
        if ((await this.follows(above, total, density)) === true) high = above;
        else low = above;
    }
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if ((await this.follows(middle, total, density)) === true) high = middle;
      else low = middle;
    }
    return density === undefined ? this.#betweenWords(high, total) : high;
  }

  /**
   * A parting inside a word adds a token or two to the request, one between words none: to a router that counts tokens fewer
   * shared characters may then be the larger share, and the bisection ends behind them.
   */
  async #betweenWords(at: number, total: number): Promise<number> {
    const before = Math.floor((at - 1) / CHARS_PER_WORD) * CHARS_PER_WORD;
    if (before <= 0 || (await this.follows(before, total)) !== true) return at;
    return this.#betweenWords(before, total);
  }

  /** The roundest ratio that all boundaries allow; 0 when the boundary does not grow with the request. */
  async thresholdValue(boundaries: readonly Boundary[], granularity: number): Promise<number | undefined> {
    if (boundaries.every(({ at }) => at === granularity)) return 0;
    const first = boundaries[0] as Boundary;
    const total = Math.max(first.total, PRECISE_STEPS * granularity);
    const precise =
      total === first.total
        ? boundaries
        : [{ at: await this.#boundary(total, { near: (first.at / first.total) * total }), total }];
    // One unit more for what the place of parting itself may add.
    const low = Math.max(0, ...precise.map(({ at, total: of }) => (at - 2 * granularity) / of));
    const high = Math.min(1, ...precise.map(({ at, total: of }) => (at + granularity) / of));
    return simplestBetween(low, high);
  }

  /** Single letters are more tokens, wide characters more bytes to the same length: where does the boundary go? */
  async baseUnit(threshold: number, granularity: number): Promise<BaseUnit> {
    const total = Math.max(4_000, 40 * granularity);
    const nearer = async (density: Density, a: BaseUnit, b: BaseUnit): Promise<BaseUnit> => {
      const at = await this.#boundary(total, { density });
      const [fromA, fromB] = [a, b].map((base) =>
        Math.abs(at - predicted(base, density, { threshold, granularity, total })),
      );
      return (fromA ?? 0) <= (fromB ?? 0) ? a : b;
    };
    const base = granularity % CHARS_PER_WORD === 0 ? await nearer("letters", "char", "token") : "char";
    return base === "token" ? base : nearer("wide", "char", "byte");
  }

  /** Exactly at the threshold, and one unit above it. */
  async comparison(value: number, granularity: number, base: BaseUnit): Promise<Threshold["comparison"] | undefined> {
    const parts = denominatorOf(value);
    const units = parts * Math.ceil(Math.max(4_000 / granularity, 10) / parts);
    const total = units * granularity;
    const equal = Math.round(value * units) * granularity;
    const at = (shared: number): Promise<boolean | undefined> =>
      this.#trials.follows(() => {
        const known = freshText(this.#random, total);
        if (shared >= total) return { known, request: known };
        const part = base === "token" ? partingAtWord : partingText;
        return { known, request: part(this.#random, known, shared, total) };
      });
    if ((await at(equal)) === true) return (await at(equal - granularity)) === true ? undefined : ">=";
    return equal >= total || (await at(equal + granularity)) === true ? ">" : undefined;
  }

  /** A short request whose text is the start of a long prompt: all of the request, little of the prompt. */
  async ratioOf(value: number): Promise<Threshold["ratioOf"]> {
    if (value < 0.05 || value >= 1) return undefined;
    const chars = 2_000;
    const follows = await this.#trials.follows(() => {
      const known = freshText(this.#random, Math.ceil((2 * chars) / value));
      return { known, request: known.slice(0, chars) };
    });
    return follows === true ? "request" : "cached";
  }
}

interface Rule {
  readonly threshold: number;
  readonly granularity: number;
  readonly total: number;
}

/** The boundary that a router with this unit would have on texts of this density. */
function predicted(base: BaseUnit, density: Density, { threshold, granularity, total }: Rule): number {
  const perChar = UNITS_PER_CHAR[base];
  const block = Math.max(1, granularity * perChar.words);
  for (let at = 1; at < total; at++) {
    const shared = Math.floor((at * perChar[density]) / block) * block;
    const whole = at * perChar[density] + (total - at) * perChar.words;
    if (shared > threshold * whole) return at;
  }
  return total;
}

const UNITS_PER_CHAR: Readonly<Record<BaseUnit, Readonly<Record<Density, number>>>> = {
  char: { words: 1, letters: 1, wide: 1 },
  byte: { words: 1, letters: 1, wide: 3 },
  token: { words: 1 / CHARS_PER_WORD, letters: 1 / 2, wide: 1 },
};

/** Which vocabulary a router counts in cannot be seen: the texts have the same tokens in all of them. */
const ANY_VOCABULARY = "any";

function unitOf(base: BaseUnit, granularity: number): Match["unit"] {
  if (base !== "token") return granularity === 1 ? base : { block: granularity, of: base };
  const tokens = granularity / CHARS_PER_WORD;
  return tokens === 1 ? { token: ANY_VOCABULARY } : { block: tokens, of: "token" };
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}

/** The smallest whole number of which this decimal is a whole share. */
function denominatorOf(value: number): number {
  for (let parts = 1; parts < 10_000; parts++)
    if (Math.abs(value * parts - Math.round(value * parts)) < 1e-9) return parts;
  return 10_000;
}
