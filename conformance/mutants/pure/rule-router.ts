/**
 * A router written straight from the rule, slowly: a list of learnt prompts, scanned for every decision. Its options make
 * the conforming variants, its faults the mutants. It shares no code with the oracle that judges it.
 */
import type { RandomStream } from "../../../fixtures/random.ts";
import { Random } from "../../../fixtures/random.ts";
import type { DecisionRecord, FunctionRouter, Outcome, RoutedPod, RouteRequest } from "../../../fixtures/routing.ts";
import type { Fault } from "./fault.ts";

export interface RuleOptions {
  /** Characters per unit of matching: 1 for characters, 5 for the corpus's tokens, more for blocks. */
  readonly unitChars: number;
  readonly threshold: number;
  readonly comparison: ">" | ">=";
  readonly load: "in-flight" | "window" | "none";
  readonly windowMs: number;
  /** Where a prompt without a match goes. */
  readonly cold: "least-load" | "random" | "round-robin";
  readonly gate: { readonly absolute: number; readonly relative: number } | null;
  readonly ties: "first" | "random" | "rotate";
  readonly insertAt: "dispatch" | "response";
  readonly insertWhen: "always" | "success";
  readonly evict:
    | null
    | { readonly ttlMs: number; readonly sliding: boolean }
    | { readonly capacityChars: number; readonly per: "pod" | "all" };
  readonly exploration: number;
}

export const PLAIN_RULE: RuleOptions = {
  unitChars: 5,
  threshold: 0.5,
  comparison: ">",
  load: "in-flight",
  windowMs: 180_000,
  cold: "least-load",
  gate: null,
  ties: "random",
  insertAt: "dispatch",
  insertWhen: "success",
  evict: null,
  exploration: 0,
};

interface Learnt {
  readonly key: string;
  readonly text: string;
  pod: string;
  readonly madeMs: number;
  usedMs: number;
  /** Characters of it that still match; a prompt must match more than `lostChars` of it to count. */
  keptChars: number;
  lostChars: number;
  /** What it took in: it comes back when this one is unlearnt. */
  readonly absorbed: readonly Learnt[];
}

interface Flight {
  readonly request: RouteRequest;
  readonly pod: string;
  readonly learn: boolean;
}

interface Choice {
  readonly pod: string | null;
  /** It went to an owner of its prefix. */
  readonly followed: boolean;
  readonly matchedChars: number;
  /** The gate sent it away from one. */
  readonly spilt?: boolean;
}

interface Match {
  readonly entry: Learnt;
  readonly chars: number;
}

export class RuleRouter implements FunctionRouter {
  readonly #rule: RuleOptions;
  readonly #fault: Fault | undefined;
  readonly #random: RandomStream;
  #pods: readonly string[] = [];
  #firstPods: readonly string[] = [];
  #learnt: Learnt[] = [];
  readonly #flights = new Map<string, Flight>();
  readonly #inFlight = new Map<string, number>();
  #window: { readonly pod: string; readonly atMs: number }[] = [];
  readonly #sticky = new Map<string, string>();
  #turn = 0;

  constructor(rule: RuleOptions, seed: number, fault?: Fault) {
    this.#rule = rule;
    this.#fault = fault;
    this.#random = new Random(seed).stream("rule-router");
  }

  setPods(pods: readonly RoutedPod[]): void {
    const names = pods.map(({ name }) => name);
    if (this.#firstPods.length === 0) this.#firstPods = names;
    if (this.#is("refresh-on-count-only") && this.#pods.length === names.length) return;
    const added = names.filter((name) => !this.#pods.includes(name));
    const left = this.#pods.filter((name) => !names.includes(name));
    if (this.#is("flush-on-change") && added.length + left.length > 0) this.#learnt = [];
    const keepsAbsent =
      this.#is("absent-pod-chosen") ||
      this.#is("returning-pod-warm") ||
      this.#is("ratio-counts-absent-owners") ||
      this.#is("orphans-to-first-pod");
    if (!keepsAbsent) this.#learnt = this.#learnt.filter(({ pod }) => !left.includes(pod));
    if (!this.#is("returning-pod-warm")) this.#learnt = this.#learnt.filter(({ pod }) => !added.includes(pod));
    this.#pods = this.#is("added-pod-ignored") ? names.filter((name) => this.#firstPods.includes(name)) : names;
    if (this.#pods.length === 0) this.#pods = names;
  }

  decide(request: RouteRequest, nowMs: number, exclude?: ReadonlySet<string>): DecisionRecord {
    this.tick(nowMs);
    const { pod, followed, matchedChars, spilt = false } = this.#choose(request, nowMs, exclude);
    const text = textOf(request);
    const record: DecisionRecord = {
      requestId: request.requestId,
      model: request.model,
      strategy: "rule",
      reason: pod === null ? "rejected" : followed ? "prefix" : "cost",
      pod,
      matchedTokens: matchedChars / 5,
      totalTokens: text.length / 5,
      ratio: text.length === 0 ? 0 : matchedChars / text.length,
      threshold: this.#rule.threshold,
      candidates: [],
      atMs: nowMs,
    };
    if (pod === null) return record;
    const learn = followed || !this.#is(spilt ? "spill-not-learnt" : "below-threshold-not-learnt");
    this.#flights.set(request.requestId, { request, pod, learn });
    this.#inFlight.set(pod, (this.#inFlight.get(pod) ?? 0) + 1);
    this.#window.push({ pod, atMs: nowMs });
    if (learn && this.#rule.insertAt === "dispatch") this.#learn(request, pod, nowMs);
    return record;
  }

  finished(requestId: string, outcome: Outcome, nowMs: number): void {
    const flight = this.#flights.get(requestId);
    if (flight === undefined) return;
    this.#flights.delete(requestId);
    const { request, pod, learn } = flight;
    const leaks =
      (this.#is("leaks-on-finish") && outcome === "ok") ||
      (this.#is("leaks-on-error") && outcome === "error") ||
      (this.#is("leaks-on-abort") && outcome === "aborted");
    if (!leaks) this.#inFlight.set(pod, (this.#inFlight.get(pod) ?? 0) - 1);
    const owns = outcome !== "error" || this.#rule.insertWhen === "always" || this.#is("failed-request-owns");
    if (this.#rule.insertAt === "response") {
      if (owns && learn) this.#learn(request, pod, nowMs);
    } else if (!owns) this.#unlearn(request, pod);
  }

  tick(nowMs: number): void {
    this.#window = this.#window.filter(({ atMs }) => atMs > nowMs - this.#rule.windowMs);
    const evict = this.#rule.evict;
    if (evict === null || !("ttlMs" in evict) || this.#is("never-evicts")) return;
    const factor = this.#is("ttl-doubled") ? 2 : this.#is("ttl-halved") ? 0.5 : 1;
    const sliding = evict.sliding && !this.#is("ttl-not-refreshed");
    const expired = this.#learnt.filter(
      (entry) => (sliding ? entry.usedMs : entry.madeMs) <= nowMs - evict.ttlMs * factor,
    );
    if (expired.length === 0) return;
    this.#learnt = this.#learnt.filter((entry) => !expired.includes(entry));
    if (!this.#is("eviction-strips-ancestors")) return;
    for (const gone of expired) {
      for (const entry of this.#learnt) {
        if (entry.key !== gone.key || entry.pod !== gone.pod) continue;
        entry.lostChars = Math.max(entry.lostChars, commonChars(entry.text, gone.text));
      }
    }
  }

  #is(fault: Fault): boolean {
    return this.#fault === fault;
  }

  #choose(request: RouteRequest, nowMs: number, exclude?: ReadonlySet<string>): Choice {
    const pods = this.#servingPods().filter((pod) => exclude?.has(pod) !== true);
    if (pods.length === 0) return { pod: null, followed: false, matchedChars: 0 };
    const text = textOf(request);
    if (this.#is("first-cell-modulo") || this.#is("first-cell-sticky")) {
      return { pod: this.#byHash(text.slice(0, 640), pods), followed: true, matchedChars: 0 };
    }
    const astray =
      (this.#rule.exploration > 0 && this.#random.next() < this.#rule.exploration) ||
      (this.#is("one-in-25-astray") && this.#random.below(25) === 0);
    if (astray) return { pod: this.#random.pick(pods), followed: false, matchedChars: 0 };

    const matches = this.#matches(request, text);
    const present = matches.filter(({ entry }) => pods.includes(entry.pod));
    const best = (this.#is("shortest-match") ? shortest : longest)(present);
    const judged = this.#is("ratio-counts-absent-owners") ? longest(matches) : best;
    const orphaned = this.#is("orphans-to-first-pod") && (longest(matches)?.chars ?? 0) > (best?.chars ?? 0);
    if (orphaned && this.#passes(longest(matches)!, text)) {
      return { pod: pods[0] ?? null, followed: true, matchedChars: 0 };
    }
    const follows =
      judged !== undefined && best !== undefined && this.#passes(judged, text) && !this.#is("always-by-load");
    if (follows && this.#is("sticky-at-80-percent") && this.#random.below(5) === 0) {
      return { pod: this.#random.pick(pods), followed: false, matchedChars: 0 };
    }
    if (follows && !this.#gateOpen(pods, nowMs)) {
      const owners = this.#ownersOf(best, present);
      return { pod: this.#pickOwner(owners, nowMs), followed: true, matchedChars: best.chars };
    }
    return { pod: this.#pickCold(pods, nowMs), followed: false, matchedChars: best?.chars ?? 0, spilt: follows };
  }

  #servingPods(): readonly string[] {
    if (!this.#is("absent-pod-chosen")) return this.#pods;
    return this.#pods.length === 0 ? [] : [...new Set([...this.#pods, ...this.#learnt.map(({ pod }) => pod)])];
  }

  #matches(request: RouteRequest, text: string): Match[] {
    const key = this.#key(request);
    return this.#learnt
      .filter((entry) => entry.key === key)
      .map((entry) => ({ entry, chars: this.#matchedChars(text, entry) }))
      .filter(({ chars }) => chars > 0);
  }

  #matchedChars(text: string, entry: Learnt): number {
    const size = this.#rule.unitChars;
    if (this.#is("bag-of-blocks")) return bagChars(text, entry.text);
    if (this.#is("suffix-match")) return commonChars(reversed(text), reversed(entry.text));
    if (this.#is("whole-body-hash")) return text === entry.text ? text.length : 0;
    const common = Math.min(commonChars(text, entry.text), entry.keptChars);
    if (common <= entry.lostChars) return 0;
    if (this.#is("whole-prompts-only") && common < entry.text.length) return 0;
    const whole = Math.floor(common / size) * size;
    if (this.#is("partial-block-counts") && text.length - whole < size) return text.length;
    return whole;
  }

  #passes({ chars, entry }: Match, text: string): boolean {
    if (this.#is("ignores-the-threshold")) return chars > 0;
    if (this.#is("absolute-threshold")) return chars > 6 * 640;
    const total = this.#is("ratio-of-the-cached-prompt") ? entry.text.length : text.length;
    const shift = this.#is("threshold-too-low") ? -0.1 : this.#is("threshold-too-high") ? 0.1 : 0;
    const surplus = chars / total - (this.#rule.threshold + shift);
    const inclusive = (this.#rule.comparison === ">=") !== this.#is("comparison-flipped");
    return inclusive ? surplus >= -1e-12 : surplus > 1e-12;
  }

  #ownersOf(best: Match, present: readonly Match[]): Match[] {
    if (this.#is("most-recent-owner")) {
      return [present.reduce((a, b) => (b.entry.usedMs >= a.entry.usedMs ? b : a))];
    }
    return present.filter(({ chars }) => chars === best.chars);
  }

  #pickOwner(owners: readonly Match[], nowMs: number): string {
    const pods = [...new Set(owners.map(({ entry }) => entry.pod))];
    if (this.#is("first-owner")) return owners.reduce((a, b) => (b.entry.madeMs < a.entry.madeMs ? b : a)).entry.pod;
    if (this.#is("busiest-owner")) return this.#extreme(pods, nowMs, -1);
    return this.#extreme(pods, nowMs, 1);
  }

  #pickCold(pods: readonly string[], nowMs: number): string {
    const first = pods[0] ?? "";
    if (this.#is("cold-to-first")) return first;
    if (this.#is("cold-to-busiest")) return this.#extreme(pods, nowMs, -1);
    if (this.#is("cold-round-robin") || this.#rule.cold === "round-robin")
      return pods[this.#turn++ % pods.length] ?? first;
    if (this.#is("cold-to-smallest-index")) {
      const size = (pod: string): number =>
        this.#learnt.reduce((sum, entry) => sum + (entry.pod === pod ? entry.text.length : 0), 0);
      return pods.reduce((a, b) => (size(b) < size(a) ? b : a));
    }
    if (this.#is("cold-at-random") || this.#rule.cold === "random") return this.#random.pick(pods);
    return this.#extreme(pods, nowMs, 1);
  }

  /** The pod with the least (sign 1) or the most (sign -1) load; ties by option. */
  #extreme(pods: readonly string[], nowMs: number, sign: 1 | -1): string {
    const loads = pods.map((pod) => sign * this.#load(pod, nowMs));
    const tied = pods.filter((_, index) => loads[index] === Math.min(...loads));
    const first = tied[0] ?? pods[0] ?? "";
    if (this.#rule.ties === "first" || this.#is("ties-to-first")) return first;
    return this.#rule.ties === "rotate" ? (tied[this.#turn++ % tied.length] ?? first) : this.#random.pick(tied);
  }

  #load(pod: string, nowMs: number): number {
    if (this.#rule.load === "none") return 0;
    if (this.#rule.load === "in-flight") return this.#inFlight.get(pod) ?? 0;
    return this.#window.filter((entry) => entry.pod === pod && entry.atMs > nowMs - this.#rule.windowMs).length;
  }

  #gateOpen(pods: readonly string[], nowMs: number): boolean {
    const gate = this.#rule.gate;
    if (gate === null || this.#is("no-gate")) return false;
    const loads = pods.map((pod) => this.#load(pod, nowMs));
    const max = Math.max(...loads);
    const min = Math.min(...loads);
    if (this.#is("gate-at-any-imbalance")) return max > min;
    const absolute = gate.absolute * (this.#is("gate-too-wide") ? 3 : 1);
    return max - min > absolute && max > gate.relative * min;
  }

  #byHash(text: string, pods: readonly string[]): string {
    let hash = 0;
    for (let index = 0; index < text.length; index++) hash = (Math.imul(hash, 31) + text.charCodeAt(index)) >>> 0;
    const fresh = pods[hash % pods.length] ?? "";
    if (this.#is("first-cell-modulo")) return fresh;
    const known = this.#sticky.get(text);
    const pod = known !== undefined && pods.includes(known) ? known : fresh;
    this.#sticky.set(text, pod);
    return pod;
  }

  #key(request: RouteRequest): string {
    const model = this.#is("model-not-in-key") ? "" : request.model;
    const salt = this.#is("salt-not-in-key") ? "" : (request.cacheSalt ?? "");
    return this.#is("key-undelimited") ? `${model}${salt}` : JSON.stringify([model, salt]);
  }

  #learn(request: RouteRequest, pod: string, nowMs: number): void {
    const text = textOf(request);
    const key = this.#key(request);
    const same = this.#learnt.filter((entry) => entry.key === key);
    for (const entry of same) {
      const common = commonChars(entry.text, text);
      if (common === 0) continue;
      if (common < entry.text.length && common >= this.#rule.unitChars) this.#split(entry, common, pod, nowMs);
    }
    // A longer prompt contains what its pod had learnt of it: one entry, used now, as old as the oldest.
    const absorbed = same.filter(
      (entry) => entry.pod === pod && entry.keptChars === entry.text.length && text.startsWith(entry.text),
    );
    this.#learnt = this.#learnt.filter((entry) => !absorbed.includes(entry));
    const madeMs = Math.min(nowMs, ...absorbed.map((entry) => entry.madeMs));
    this.#learnt.push({
      key,
      text,
      pod,
      madeMs,
      usedMs: nowMs,
      keptChars: text.length,
      lostChars: 0,
      absorbed: absorbed.flatMap((entry) => (entry.text === text ? entry.absorbed : [entry])),
    });
    this.#shrink(pod);
  }

  #split(entry: Learnt, atChars: number, pod: string, nowMs: number): void {
    if (entry.pod === pod) {
      if (this.#is("split-drops-tail")) entry.keptChars = Math.min(entry.keptChars, atChars);
      return;
    }
    if (this.#is("split-loses-upper-owners")) entry.lostChars = Math.max(entry.lostChars, atChars);
    if (this.#is("split-drops-tail")) entry.keptChars = Math.min(entry.keptChars, atChars);
    if (this.#is("split-gives-tail-away") && entry.keptChars > atChars) {
      this.#learnt.push({ ...entry, pod, madeMs: nowMs, usedMs: nowMs });
      entry.keptChars = atChars;
    }
  }

  #shrink(pod: string): void {
    const evict = this.#rule.evict;
    if (evict === null || !("capacityChars" in evict) || this.#is("never-evicts")) return;
    const counted = (entry: Learnt): boolean => evict.per === "all" || this.#is("one-lru-for-all") || entry.pod === pod;
    const size = (): number => this.#learnt.reduce((sum, entry) => sum + (counted(entry) ? entry.text.length : 0), 0);
    while (size() > evict.capacityChars) {
      const candidates = this.#learnt.filter(counted).sort((a, b) => a.usedMs - b.usedMs);
      const victim = this.#is("evicts-most-recent") ? candidates.at(-2) : candidates[0];
      if (victim === undefined) return;
      this.#learnt = this.#learnt.filter((entry) => entry !== victim);
    }
  }

  #unlearn(request: RouteRequest, pod: string): void {
    const text = textOf(request);
    this.#learnt = this.#learnt.flatMap((entry) => {
      return entry.pod === pod && entry.text === text ? entry.absorbed : [entry];
    });
  }
}

const textOf = ({ prompt }: RouteRequest): string =>
  typeof prompt === "string" ? prompt : Array.from(prompt, (id) => String.fromCharCode(id)).join("");

const longest = (matches: readonly Match[]): Match | undefined =>
  matches.reduce<Match | undefined>((a, b) => (a === undefined || b.chars > a.chars ? b : a), undefined);

const shortest = (matches: readonly Match[]): Match | undefined =>
  matches.reduce<Match | undefined>((a, b) => (a === undefined || b.chars < a.chars ? b : a), undefined);

const reversed = (text: string): string => Array.from(text).toReversed().join("");

function commonChars(a: string, b: string): number {
  if (a === b) return a.length;
  let length = 0;
  // Most pairs differ in the first word.
  if (a.charCodeAt(1) === b.charCodeAt(1) && a.charCodeAt(2) === b.charCodeAt(2)) {
    while (length + 64 <= a.length && a.slice(length, length + 64) === b.slice(length, length + 64)) length += 64;
  }
  while (length < a.length && length < b.length && a.charCodeAt(length) === b.charCodeAt(length)) length++;
  return length;
}

const BAG_CHARS = 80;

/** Characters of `text` that stand in 80-character blocks which the other text has anywhere. */
function bagChars(text: string, other: string): number {
  const blocks = new Set<string>();
  for (let at = 0; at + BAG_CHARS <= other.length; at += BAG_CHARS) blocks.add(other.slice(at, at + BAG_CHARS));
  let chars = 0;
  for (let at = 0; at + BAG_CHARS <= text.length; at += BAG_CHARS) {
    if (blocks.has(text.slice(at, at + BAG_CHARS))) chars += BAG_CHARS;
  }
  return chars;
}
