/**
 * A router written straight from the rule, slowly: a list of learnt prompts, scanned for every decision. Its options make
 * the conforming variants, its faults the mutants. It shares no code with the oracle that judges it.
 */
import type { RandomStream } from "../../../fixtures/random.ts";
import { Random } from "../../../fixtures/random.ts";
import type { DecisionRecord, FunctionRouter, Outcome, RoutedPod, RouteRequest } from "../../../fixtures/routing.ts";
import type { Fault } from "./fault.ts";
import { LearntPrompts, type Match, textOf } from "./learnt-prompts.ts";
import { PodLoads } from "./pod-loads.ts";
import type { RuleOptions } from "./rule.ts";

interface Flight {
  readonly request: RouteRequest;
  readonly pod: string;
  readonly learn: boolean;
  /** Where its pod stood in the list. */
  readonly place: number;
  readonly startMs: number;
}

interface Choice {
  readonly pod: string | null;
  /** It went to an owner of its prefix. */
  readonly followed: boolean;
  readonly matchedChars: number;
  /** The gate sent it away from its owners. */
  readonly spilt?: boolean;
}

/** What a choice by load or by turn goes by. */
interface Moment {
  readonly nowMs: number;
  readonly model: string;
}

export class RuleRouter implements FunctionRouter {
  readonly #rule: RuleOptions;
  readonly #fault: Fault | undefined;
  readonly #random: RandomStream;
  readonly #learnt: LearntPrompts;
  readonly #loads: PodLoads;
  #pods: readonly string[] = [];
  #firstPods: readonly string[] = [];
  #modelsOf: ReadonlyMap<string, readonly string[] | undefined> = new Map();
  readonly #flights = new Map<string, Flight>();
  readonly #sticky = new Map<string, string>();
  readonly #turns = new Map<string, number>();
  #gateStuck = false;

  constructor(rule: RuleOptions, seed: number, fault?: Fault) {
    this.#rule = rule;
    this.#fault = fault;
    this.#random = new Random(seed).stream("rule-router");
    this.#learnt = new LearntPrompts(rule, (one) => this.#is(one));
    this.#loads = new PodLoads(rule, (one) => this.#is(one));
  }

  setPods(pods: readonly RoutedPod[]): void {
    const names = pods.map(({ name }) => name);
    if (this.#is("keeps-the-last-pods") && names.length === 0) return;
    this.#modelsOf = new Map(pods.map(({ name, models }) => [name, models]));
    if (this.#firstPods.length === 0) this.#firstPods = names;
    if (this.#is("refresh-on-count-only") && this.#pods.length === names.length) return;
    const added = names.filter((name) => !this.#pods.includes(name));
    const left = this.#pods.filter((name) => !names.includes(name));
    this.#learnt.changePods(added, left);
    if (this.#is("loads-reset-on-change") && added.length + left.length > 0) this.#loads.reset();
    if (this.#is("removal-not-taken")) names.push(...left);
    this.#pods = this.#is("added-pod-ignored") ? names.filter((name) => this.#firstPods.includes(name)) : names;
    if (this.#pods.length === 0) this.#pods = names;
  }

  /** What a pod says of its own load, for a rule that goes by it. */
  report(pod: string, load: number): void {
    this.#loads.report(pod, load);
  }

  decide(request: RouteRequest, nowMs: number, exclude?: ReadonlySet<string>): DecisionRecord {
    this.tick(nowMs);
    if (this.#is("ends-at-nul") && typeof request.prompt === "string") {
      request = { ...request, prompt: request.prompt.split("\0", 1)[0] ?? "" };
    }
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
    this.#flights.set(request.requestId, { request, pod, learn, place: this.#pods.indexOf(pod), startMs: nowMs });
    const unseen = this.#is("ids-not-counted") && typeof request.prompt !== "string";
    if (!unseen) this.#loads.started(pod, { model: request.model, chars: text.length, atMs: nowMs });
    if (learn && this.#insertAt === "dispatch") this.#learnt.learn(request, pod, nowMs);
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
    const unseen = this.#is("ids-not-counted") && typeof request.prompt !== "string";
    if (!leaks && !unseen) this.#loads.ended(this.#countedAt(flight), request.model);
    const owns = outcome !== "error" || this.#rule.insertWhen === "always" || this.#is("failed-request-owns");
    if (this.#insertAt === "response") {
      if (owns && learn) this.#learnt.learn(request, pod, nowMs);
    } else if (!owns) this.#learnt.unlearn(request, pod);
  }

  tick(nowMs: number): void {
    if (this.#is("long-requests-forgotten")) this.#forgetOpen(nowMs - 300_000);
    this.#loads.forget(nowMs);
    this.#learnt.expire(nowMs);
  }

  #countedAt({ pod, place }: Flight): string {
    if (this.#is("ends-counted-by-place")) return this.#pods[place] ?? pod;
    return this.#is("ends-counted-elsewhere") ? this.#after(pod) : pod;
  }

  #forgetOpen(startedBeforeMs: number): void {
    for (const [id, { startMs, pod, request }] of this.#flights) {
      if (startMs > startedBeforeMs) continue;
      this.#flights.delete(id);
      this.#loads.ended(pod, request.model);
    }
  }

  get #insertAt(): RuleOptions["insertAt"] {
    return this.#is("learns-too-late") ? "response" : this.#rule.insertAt;
  }

  #is(fault: Fault): boolean {
    return this.#fault === fault;
  }

  #choose(request: RouteRequest, nowMs: number, exclude?: ReadonlySet<string>): Choice {
    const pods = this.#servingPods(request.model).filter((pod) => exclude?.has(pod) !== true);
    if (pods.length === 0) return { pod: null, followed: false, matchedChars: 0 };
    const moment = { nowMs, model: request.model };
    const text = textOf(request);
    const isShort = text.length < this.#rule.unitChars;
    if (isShort && this.#is("breaks-on-short-prompts")) return { pod: null, followed: false, matchedChars: 0 };
    if (this.#is("first-cell-modulo") || this.#is("first-cell-sticky")) {
      return { pod: this.#byHash(text.slice(0, 640), pods), followed: true, matchedChars: 0 };
    }
    const astray =
      this.#is("all-at-random") ||
      (this.#rule.exploration > 0 && this.#random.next() < this.#rule.exploration) ||
      (this.#is("one-in-25-astray") && this.#random.below(25) === 0);
    if (astray) return { pod: this.#random.pick(pods), followed: false, matchedChars: 0 };

    const matches = this.#learnt.matches(request);
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
    if (follows && !this.#gateOpen(pods, moment)) {
      const owners = this.#ownersOf(best, present, text);
      return { pod: this.#pickOwner(owners, moment), followed: true, matchedChars: best.chars };
    }
    return { pod: this.#pickCold(pods, moment), followed: false, matchedChars: best?.chars ?? 0, spilt: follows };
  }

  #servingPods(model: string): readonly string[] {
    if (this.#is("absent-pod-chosen")) {
      return this.#pods.length === 0 ? [] : [...new Set([...this.#pods, ...this.#learnt.pods()])];
    }
    if (this.#is("any-pod-for-any-model")) return this.#pods;
    return this.#pods.filter((pod) => this.#modelsOf.get(pod)?.includes(model) !== false);
  }

  #passes({ chars, entry }: Match, text: string): boolean {
    if (this.#is("ignores-the-threshold")) return chars > 0;
    if (this.#is("absolute-threshold")) return chars > 6 * 640;
    if (this.#is("short-prompts-by-load") && text.length < 640) return false;
    const ofCached = (this.#rule.ratioOf === "cached") !== this.#is("ratio-of-the-other-prompt");
    const total = this.#lengthOf(ofCached ? entry.text : text);
    const shift = this.#is("threshold-too-low") ? -0.1 : this.#is("threshold-too-high") ? 0.1 : 0;
    const ratio = this.#is("ratio-in-percent") ? Math.floor((100 * chars) / total) / 100 : chars / total;
    const surplus = ratio - (this.#rule.threshold + shift);
    const inclusive = (this.#rule.comparison === ">=") !== this.#is("comparison-flipped");
    return inclusive ? surplus >= -1e-12 : surplus > 1e-12;
  }

  #lengthOf(text: string): number {
    return this.#is("totals-in-bytes") ? Buffer.byteLength(text) : text.length;
  }

  #ownersOf(best: Match, present: readonly Match[], text: string): Match[] {
    if (this.#is("any-owner-above")) return present.filter((match) => this.#passes(match, text));
    if (this.#is("most-recent-owner")) {
      return [present.reduce((a, b) => (b.entry.usedMs >= a.entry.usedMs ? b : a))];
    }
    const owners = present.filter(({ chars }) => chars === best.chars);
    if (this.#rule.owners === "all") return owners;
    // Learnt last stands last.
    const pods = [...new Set(owners.map(({ entry }) => entry.pod).toReversed())].slice(0, this.#rule.owners);
    return owners.filter(({ entry }) => pods.includes(entry.pod));
  }

  #pickOwner(owners: readonly Match[], moment: Moment): string {
    const pods = [...new Set(owners.map(({ entry }) => entry.pod))];
    if (this.#is("first-owner")) return owners.reduce((a, b) => (b.entry.madeMs < a.entry.madeMs ? b : a)).entry.pod;
    if (this.#is("busiest-owner")) return this.#extreme(pods, moment, -1);
    return this.#extreme(pods, moment, 1);
  }

  #pickCold(pods: readonly string[], moment: Moment): string {
    const first = pods[0] ?? "";
    if (this.#is("cold-to-first")) return first;
    if (this.#is("cold-to-busiest")) return this.#extreme(pods, moment, -1);
    if (this.#is("cold-round-robin") || this.#rule.cold === "round-robin")
      return pods[this.#turn(moment) % pods.length] ?? first;
    if (this.#is("cold-to-smallest-index")) {
      return pods.reduce((a, b) => (this.#learnt.sizeChars(b) < this.#learnt.sizeChars(a) ? b : a));
    }
    if (this.#is("same-lot-always")) return first;
    if (this.#is("cold-at-random") || this.#rule.cold === "random") return this.#random.pick(pods);
    return this.#extreme(pods, moment, 1);
  }

  /** The pod with the least (sign 1) or the most (sign -1) load; ties by option. */
  #extreme(pods: readonly string[], moment: Moment, sign: 1 | -1): string {
    const loads = pods.map((pod) => sign * this.#loads.of(pod, moment.nowMs, moment.model));
    const tied = pods.filter((_, index) => loads[index] === Math.min(...loads));
    const first = tied[0] ?? pods[0] ?? "";
    if (this.#is("ties-lean-to-first") && this.#random.below(2) === 0) return first;
    if (this.#is("starves-the-last") && this.#random.below(10) > 0) tied.splice(pods.length - 1);
    if (this.#rule.ties === "first" || this.#is("ties-to-first")) return first;
    return this.#rule.ties === "rotate" ? (tied[this.#turn(moment) % tied.length] ?? first) : this.#random.pick(tied);
  }

  #gateOpen(pods: readonly string[], moment: Moment): boolean {
    const gate = this.#rule.gate;
    if (gate === null || this.#is("no-gate")) return false;
    if (this.#gateStuck) return true;
    const counted = this.#is("gate-counts-absent-pods") ? this.#loads.pods() : pods;
    const loads = counted.map((pod) => this.#loads.of(pod, moment.nowMs, moment.model));
    const max = Math.max(...loads);
    const min = Math.min(...loads);
    if (this.#is("gate-at-any-imbalance")) return max > min;
    const absolute = gate.absolute * (this.#is("gate-too-wide") ? 3 : 1);
    const isOpen = max - min > absolute && (max > gate.relative * min || this.#is("gate-by-difference-alone"));
    this.#gateStuck = isOpen && this.#is("gate-never-closes");
    return isOpen;
  }

  /** Each model's requests take turns of their own: several have pods of their own. */
  #turn({ model }: Moment): number {
    const whose = this.#is("one-turn-for-all-models") ? "" : model;
    const turn = this.#turns.get(whose) ?? 0;
    this.#turns.set(whose, turn + 1);
    return turn;
  }

  #after(pod: string): string {
    return this.#pods[(this.#pods.indexOf(pod) + 1) % this.#pods.length] ?? pod;
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
}

const longest = (matches: readonly Match[]): Match | undefined =>
  matches.reduce<Match | undefined>((a, b) => (a === undefined || b.chars > a.chars ? b : a), undefined);

const shortest = (matches: readonly Match[]): Match | undefined =>
  matches.reduce<Match | undefined>((a, b) => (a === undefined || b.chars < a.chars ? b : a), undefined);
