/**
 * Group-sequential tests of one share: counts are looked at several times, and each look may fail, pass or ask for more.
 *
 * The false-positive rate of the whole is fixed beforehand and spent over the looks in equal parts (what one leaves over
 * goes to the next), after Lan and DeMets, Discrete sequential boundaries for clinical trials (1983). Probabilities are
 * exact: the distribution of the count is carried from look to look, without those that have already failed.
 */
import { probabilities } from "./binomial.ts";

export interface Design {
  /** The event happens to a right router with at most this probability in a trial. */
  readonly chance: number;
  /** ... and to the wrong router that the test is made for with at least this one. */
  readonly broken: number;
  /** How often the count may be looked at. */
  readonly looks: number;
  /** A right router fails with at most this probability, at whichever looks the trials end. */
  readonly falsePositiveRate: number;
  /** The wrong router passes before the last look with at most this probability. */
  readonly missRate: number;
}

export interface Look {
  /** Trials so far. */
  readonly n: number;
  /** So many events or fewer pass; -1 when no count can pass yet. */
  readonly passUpTo: number;
  /** More events than this fail. */
  readonly failAbove: number;
}

/** What each look decides, given the trials so far at each; the last of all looks leaves nothing open. */
export function boundaries(ns: readonly number[], design: Design): readonly Look[] {
  const right = new Walk(design.chance);
  const wrong = new Walk(design.broken);
  let spent = 0;
  let missed = 0;
  return ns.map((n, index) => {
    const share = (index + 1) / design.looks;
    right.goTo(n);
    wrong.goTo(n);
    const [failAbove, fails] = right.cutAbove(design.falsePositiveRate * share - spent);
    spent += fails;
    if (index + 1 === design.looks) return { n, passUpTo: failAbove, failAbove };
    const [upTo, passes] = wrong.cutUpTo(design.missRate * share - missed);
    missed += passes;
    // A count that fails does not pass as well.
    return { n, passUpTo: Math.min(upTo, failAbove), failAbove };
  });
}

/** The exact probability that a router to which the event happens with probability `p` fails the test. */
export function failureRate(looks: readonly Look[], p: number, stopsAtPass: boolean): number {
  const walk = new Walk(p);
  let fails = 0;
  for (const { n, passUpTo, failAbove } of looks) {
    walk.goTo(n);
    fails += walk.removeAbove(failAbove);
    if (stopsAtPass) walk.removeUpTo(passUpTo);
  }
  return fails;
}

/** The distribution of the count among those still under test. */
class Walk {
  readonly #p: number;
  #n = 0;
  #mass = [1];

  constructor(p: number) {
    this.#p = p;
  }

  goTo(n: number): void {
    const steps = probabilities(n - this.#n, this.#p);
    const next = Array.from({ length: n + 1 }, () => 0);
    this.#mass.forEach((mass, x) => {
      if (mass > 0) for (let more = 0; more < steps.length; more++) next[x + more]! += mass * steps[more]!;
    });
    this.#n = n;
    this.#mass = next;
  }

  /** Removes as many of the highest counts as weigh no more than `budget`: the bound that is left, and what they weigh. */
  cutAbove(budget: number): [bound: number, weight: number] {
    let bound = this.#n;
    for (let weight = 0; bound > 0; bound--) {
      weight += this.#mass[bound]!;
      if (weight > budget) break;
    }
    return [bound, this.removeAbove(bound)];
  }

  /** The same of the lowest counts; the bound is the highest count removed, -1 for none. */
  cutUpTo(budget: number): [bound: number, weight: number] {
    let bound = -1;
    for (let weight = 0; bound < this.#n; bound++) {
      weight += this.#mass[bound + 1]!;
      if (weight > budget) break;
    }
    return [bound, this.removeUpTo(bound)];
  }

  removeAbove(bound: number): number {
    return this.#remove(bound + 1, this.#n);
  }

  removeUpTo(bound: number): number {
    return this.#remove(0, bound);
  }

  #remove(from: number, to: number): number {
    let weight = 0;
    for (let x = from; x <= to; x++) {
      weight += this.#mass[x]!;
      this.#mass[x] = 0;
    }
    return weight;
  }
}
