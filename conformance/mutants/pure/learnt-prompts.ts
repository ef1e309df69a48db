/** The index of the rule router: a plain list of prompts and the pods that were sent them. */
import type { RouteRequest } from "../../../fixtures/routing.ts";
import { bagChars, commonChars, commonEndChars, headsOfBlocks, placedChars, sortedInBlocks } from "./common-text.ts";
import type { Fault } from "./fault.ts";
import type { RuleOptions } from "./rule.ts";

export interface Learnt {
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

export interface Match {
  readonly entry: Learnt;
  readonly chars: number;
}

const LONGEST_CUT_CHARS = 16_384;
/** More than prompts share by chance. */
const HEAD_CHARS = 640;

export class LearntPrompts {
  readonly #rule: RuleOptions;
  readonly #is: (fault: Fault) => boolean;
  #learnt: Learnt[] = [];
  readonly #buried = new Set<string>();

  constructor(rule: RuleOptions, is: (fault: Fault) => boolean) {
    this.#rule = rule;
    this.#is = is;
  }

  /** Characters held, of one pod or of all. */
  sizeChars(pod?: string): number {
    return this.#learnt.reduce(
      (sum, entry) => sum + (pod === undefined || entry.pod === pod ? entry.text.length : 0),
      0,
    );
  }

  pods(): readonly string[] {
    return this.#learnt.map(({ pod }) => pod);
  }

  changePods(added: readonly string[], left: readonly string[]): void {
    if (this.#is("flush-on-change") && added.length + left.length > 0) this.#learnt = [];
    const keepsAbsent =
      this.#is("absent-pod-chosen") ||
      this.#is("returning-pod-warm") ||
      this.#is("ratio-counts-absent-owners") ||
      this.#is("orphans-to-first-pod");
    if (this.#is("leaver-takes-shared-heads")) this.#dropFamilies(this.#learnt.filter(({ pod }) => left.includes(pod)));
    if (!keepsAbsent) this.#learnt = this.#learnt.filter(({ pod }) => !left.includes(pod));
    if (!this.#is("returning-pod-warm")) this.#learnt = this.#learnt.filter(({ pod }) => !added.includes(pod));
  }

  matches(request: RouteRequest): Match[] {
    const key = this.#key(request);
    const text = this.#textOf(request);
    return this.#learnt
      .filter((entry) => entry.key === key)
      .map((entry) => ({ entry, chars: this.#matchedChars(text, entry) }))
      .filter(({ chars }) => chars > 0);
  }

  learn(request: RouteRequest, pod: string, nowMs: number): void {
    const text = this.#textOf(request);
    const key = this.#key(request);
    if (this.#buried.has(text)) return;
    const same = this.#learnt.filter((entry) => entry.key === key);
    for (const entry of same) {
      const common = commonChars(entry.text, text);
      if (common === 0) continue;
      if (common < entry.text.length && common >= this.#rule.unitChars) this.#split(entry, common, pod, nowMs);
      if (this.#is("split-drops-branches")) this.#dropBranches(entry, common, same);
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
      usedMs: this.#is("hits-not-refreshed") ? madeMs : nowMs,
      keptChars: text.length,
      lostChars: 0,
      absorbed: absorbed.flatMap((entry) => (entry.text === text ? entry.absorbed : [entry])),
    });
    this.#shrink(pod);
  }

  unlearn(request: RouteRequest, pod: string): void {
    const text = this.#textOf(request);
    this.#learnt = this.#learnt.flatMap((entry) => {
      return entry.pod === pod && entry.text === text ? entry.absorbed : [entry];
    });
  }

  /** Forgets what is older than the TTL. */
  expire(nowMs: number): void {
    const evict = this.#rule.evict;
    if (evict === null || !("ttlMs" in evict) || this.#is("never-evicts")) return;
    const factor = this.#is("ttl-doubled") ? 2 : this.#is("ttl-halved") ? 0.5 : 1;
    const sliding = evict.sliding && !this.#is("ttl-not-refreshed");
    const expired = this.#learnt.filter(
      (entry) => (sliding ? entry.usedMs : entry.madeMs) <= nowMs - evict.ttlMs * factor,
    );
    if (expired.length === 0) return;
    this.#learnt = this.#learnt.filter((entry) => !expired.includes(entry));
    if (this.#is("expiry-takes-shared-heads")) this.#dropFamilies(expired);
    if (this.#is("expired-never-learnt-again")) for (const { text } of expired) this.#buried.add(text);
    if (!this.#is("eviction-strips-ancestors")) return;
    for (const gone of expired) {
      for (const entry of this.#learnt) {
        if (entry.key !== gone.key || entry.pod !== gone.pod) continue;
        entry.lostChars = Math.max(entry.lostChars, commonChars(entry.text, gone.text));
      }
    }
  }

  #matchedChars(text: string, entry: Learnt): number {
    const size = this.#rule.unitChars * (this.#is("blocks-too-large") ? 4 : this.#is("blocks-doubled") ? 2 : 1);
    if (this.#is("keeps-partial-blocks") && text === entry.text) return text.length;
    if (this.#is("bag-of-blocks")) return bagChars(text, entry.text);
    if (this.#is("unchained-blocks")) {
      return placedChars(
        text,
        this.#learnt.filter(({ pod, key }) => pod === entry.pod && key === entry.key).map((one) => one.text),
      );
    }
    if (this.#is("suffix-match")) return commonEndChars(text, entry.text);
    if (this.#is("whole-body-hash")) return text === entry.text ? text.length : 0;
    const common = Math.min(commonChars(this.#read(text), this.#read(entry.text)), entry.keptChars);
    if (common <= entry.lostChars) return 0;
    if (this.#is("whole-prompts-only") && common < entry.text.length) return 0;
    if (this.#is("long-matches-cut")) return Math.min(common, LONGEST_CUT_CHARS);
    if (this.#is("blocks-rounded-up")) return Math.ceil(common / size) * size;
    const whole = Math.floor(common / size) * size;
    if (this.#is("partial-block-counts") && text.length - whole < size) return text.length;
    return whole;
  }

  #read(text: string): string {
    const { unitChars } = this.#rule;
    if (this.#is("reads-heads-of-blocks")) return headsOfBlocks(text, unitChars, 8);
    if (this.#is("skips-ends-of-blocks")) return headsOfBlocks(text, unitChars, unitChars - 1);
    if (this.#is("folds-letter-case")) return text.toLowerCase();
    if (this.#is("folds-digits")) return text.replaceAll(/\d/g, "0");
    if (this.#is("folds-beyond-ascii")) return text.replaceAll(/[^\p{ASCII}]/gu, "?");
    if (this.#is("words-in-any-order")) return sortedInBlocks(text);
    if (this.#is("trims-starts")) return text.trimStart();
    if (this.#is("folds-zero-widths")) return text.replaceAll(/[\u00ad\u200b\u2060\ufeff]/g, "");
    if (this.#is("folds-unicode-forms")) return text.normalize("NFKC");
    return this.#is("folds-white-space") ? text.replaceAll(/\s+/g, " ") : text;
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

  /** Of a tree, whole nodes with all that is below them. */
  #dropFamilies(gone: readonly Learnt[]): void {
    this.#learnt = this.#learnt.filter(({ key, text }) =>
      gone.every((one) => one.key !== key || commonChars(one.text, text) < HEAD_CHARS),
    );
  }

  /** Of a tree, the node that is cut ends where the next of the prompts it holds part. */
  #dropBranches(entry: Learnt, atChars: number, same: readonly Learnt[]): void {
    const parts = same.filter((other) => other !== entry).map((other) => commonChars(other.text, entry.text));
    const below = parts.filter((chars) => chars > atChars);
    if (!parts.includes(atChars) && below.length > 0) entry.keptChars = Math.min(entry.keptChars, ...below);
  }

  #shrink(pod: string): void {
    const evict = this.#rule.evict;
    if (evict === null || !("capacityChars" in evict) || this.#is("never-evicts")) return;
    const counted = (entry: Learnt): boolean => evict.per === "all" || this.#is("one-lru-for-all") || entry.pod === pod;
    const size = (): number => this.#learnt.reduce((sum, entry) => sum + (counted(entry) ? entry.text.length : 0), 0);
    const capacityChars = evict.capacityChars * (this.#is("index-too-small") ? 0.4 : 1);
    while (size() > capacityChars) {
      const candidates = this.#learnt.filter(counted).sort((a, b) => a.usedMs - b.usedMs);
      const victim = this.#is("evicts-most-recent") ? candidates.at(-2) : candidates[0];
      if (victim === undefined) return;
      this.#learnt = this.#learnt.filter((entry) => entry !== victim);
      if (this.#is("eviction-takes-shared-heads")) this.#dropFamilies([victim]);
    }
  }

  #textOf(request: RouteRequest): string {
    if (typeof request.prompt !== "string" && this.#is("ids-in-any-order")) {
      return textOf({ ...request, prompt: Array.from(request.prompt).sort((a, b) => a - b) });
    }
    if (typeof request.prompt !== "string" && this.#is("ids-by-their-low-byte")) {
      return textOf({ ...request, prompt: Array.from(request.prompt, (id) => id & 0xff) });
    }
    const byCount = typeof request.prompt !== "string" && this.#is("ids-by-their-number");
    return byCount ? "x".repeat(request.prompt.length) : textOf(request);
  }

  #key(request: RouteRequest): string {
    const model = this.#is("model-not-in-key") ? "" : request.model;
    const salt = this.#is("salt-not-in-key") ? "" : (request.cacheSalt ?? "");
    return this.#is("key-undelimited") ? `${model}${salt}` : JSON.stringify([model, salt]);
  }
}

export const textOf = ({ prompt }: RouteRequest): string =>
  typeof prompt === "string" ? prompt : Array.from(prompt, (id) => String.fromCharCode(id)).join("");
