/** The one question that most measures come down to: does this request follow the owner of that prompt? */
import type { Held } from "../lab.ts";
import { releaseAll, type Driver } from "./driver.ts";

/** How the owner is made the pod that load would not choose. */
export type Rival = "open" | "all" | "none";

/** A prompt to learn, and a request that shares some of it. */
export interface Pair {
  readonly known: string;
  readonly request: string;
}

const MOST_COPIES = 12;
const MOST_VOID = 8;
const MISSES_ALLOWED = 1;
/** Hits that settle a question where chance does not lead to the owner; and where it does, by one pod in three or four. */
const HITS_WITHOUT_CHANCE = 3;
const HITS_WITH_CHANCE = 6;
const BASELINE_TRIALS = 12;
/** Above this share of chance hits, following cannot be told from chance. */
const MOST_CHANCE_RATIO = 0.6;

export class Trials {
  readonly #driver: Driver;
  readonly #rival: Rival;
  #hitsNeeded = HITS_WITH_CHANCE;

  constructor(driver: Driver, rival: Rival) {
    this.#driver = driver;
    this.#rival = rival;
  }

  /** How often a request that shares nothing lands on the owner; undefined when that is too often to learn anything. */
  async baseline(pair: () => Pair): Promise<number | undefined> {
    let hits = 0;
    for (let trial = 0; trial < BASELINE_TRIALS; trial++) if ((await this.#once(pair())) === true) hits++;
    const ratio = hits / BASELINE_TRIALS;
    if (hits === 0) this.#hitsNeeded = HITS_WITHOUT_CHANCE;
    return ratio > MOST_CHANCE_RATIO ? undefined : ratio;
  }

  /** Each trial with a fresh pair. Undefined when no trial could be set up: identical prompts do not stay together. */
  async follows(pair: () => Pair): Promise<boolean | undefined> {
    let hits = 0;
    let misses = 0;
    let voids = 0;
    while (hits < this.#hitsNeeded && misses <= MISSES_ALLOWED) {
      const hit = await this.#once(pair());
      if (hit === undefined && ++voids > MOST_VOID) return undefined;
      if (hit === true) hits++;
      if (hit === false) misses++;
    }
    return misses <= MISSES_ALLOWED;
  }

  /** Undefined: the prompt got a second owner, or its owner could not be made busy. */
  async #once({ known, request }: Pair): Promise<boolean | undefined> {
    const driver = this.#driver;
    const owner = await driver.send(known);
    if (owner === null) return undefined;
    const copies: Held[] = [];
    try {
      const rival = this.#rival;
      const leads = (pod: string): number => (rival === "none" ? Infinity : driver.lead(pod, rival));
      while (leads(owner) < 1) {
        if (copies.length === MOST_COPIES) return undefined;
        const copy = await driver.hold(known);
        copies.push(copy);
        if (copy.step.pod !== owner) return undefined;
      }
      const pod = await driver.send(request);
      return pod === null ? undefined : pod === owner;
    } finally {
      await releaseAll(copies);
    }
  }
}
