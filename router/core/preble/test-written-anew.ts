/**
 * The rule of the Preble paper a second time, for tests: a log of what was placed where, and a plain list of the nodes that
 * prompts have cut the prefixes into. Only the price of a prefill and of a decode is taken from the mode itself.
 */
import { decodeSeconds, prefillSeconds, pricingProfile } from "../cost-model.ts";
import { prefillMs } from "../../../fixtures/profiles/latency-profile.ts";

interface Placed {
  readonly atMs: number;
  readonly pod: string;
  readonly model: string;
  readonly tokens: readonly number[];
  readonly hitTokens: number;
  readonly seconds: number;
  /** False once its pod is another than it was, or stopped serving the model. */
  cached: boolean;
  /** False once its pod is another than it was. */
  counted: boolean;
}

/** A prefix of some prompt of `model`, that a prompt ended with or left another at. */
interface Cut {
  readonly model: string;
  readonly prefix: readonly number[];
}

export interface PrebleResult {
  readonly branch: "rejected" | "only-pod" | "prefix" | "cost";
  readonly matchedTokens: number;
  readonly allowed: readonly string[];
  readonly costsBeforeSeconds: Readonly<Record<string, number>>;
}

const WINDOW_MS = 180_000;
const TTL_MS = 300_000;

export class PrebleAnew {
  readonly #profile: ReturnType<typeof pricingProfile>;
  #log: Placed[] = [];
  #cuts: Cut[] = [];
  readonly #readyByModel = new Map<string, readonly string[]>();

  constructor(gpu: string) {
    this.#profile = pricingProfile(gpu);
  }

  step(
    {
      model,
      tokens,
      ready,
      atMs,
    }: { model: string; tokens: readonly number[]; ready: readonly string[]; atMs: number },
    pick: (allowed: readonly string[]) => string,
  ): PrebleResult {
    this.#expire(atMs);
    this.#changeFleet(model, ready);
    const pods = [...new Set([...this.#readyByModel.values()].flat())].filter((pod) => ready.includes(pod));
    if (pods.length === 0) return { branch: "rejected", matchedTokens: 0, allowed: [], costsBeforeSeconds: {} };
    const views = pods.map((pod) => {
      const matched = this.#held(pod, model, tokens);
      const recent = this.#log.filter((one) => one.pod === pod && one.counted && one.atMs > atMs - WINDOW_MS);
      const load = sum(recent.map(({ seconds }) => seconds));
      const eviction = this.#evictionSeconds(pod, tokens.length - matched, recent);
      const cost = load + eviction + prefillSeconds(this.#profile, tokens.length, matched);
      const lately = recent.filter((one) => one.atMs > atMs - 30_000);
      const lateTokens = sum(lately.map((one) => one.tokens.length));
      const hitRatio = lateTokens === 0 ? 0 : sum(lately.map(({ hitTokens }) => hitTokens)) / lateTokens;
      return { pod, matched, recent: recent.length, load, cost, hitRatio };
    });
    const matchedTokens = Math.max(...views.map(({ matched }) => matched));
    const exploits = matchedTokens > tokens.length - matchedTokens;
    let chosen: typeof views;
    if (exploits) {
      const owners = this.#ownersOfLongestNode(pods, model, tokens, matchedTokens);
      chosen = cheapest(views.filter(({ pod }) => owners.includes(pod)));
      const [lightest, heaviest] = [
        views.toSorted((a, b) => a.load - b.load)[0],
        views.toSorted((a, b) => a.load - b.load).at(-1),
      ];
      const isBusy = sum(views.map(({ recent }) => recent)) >= 50 * views.length;
      if (lightest && heaviest && isBusy && heaviest.load > 1.5 * lightest.load && chosen.includes(heaviest))
        chosen = [lightest];
    } else {
      const decoding = views.find(({ hitRatio }) => views.every((other) => other.hitRatio <= hitRatio + 1e-9));
      chosen = decoding !== undefined && decoding.hitRatio >= 0.7 ? [decoding] : cheapest(views);
    }
    const allowed = chosen.map(({ pod }) => pod);
    this.#place(model, tokens, pick(allowed.toSorted()), atMs, views);
    const branch = pods.length === 1 ? "only-pod" : exploits ? "prefix" : "cost";
    const costsBeforeSeconds = Object.fromEntries(views.map(({ pod, cost }) => [pod, cost]));
    return { branch, matchedTokens, allowed, costsBeforeSeconds };
  }

  #place(
    model: string,
    tokens: readonly number[],
    pod: string,
    atMs: number,
    views: readonly { pod: string; matched: number }[],
  ): void {
    const hitTokens = views.find((view) => view.pod === pod)?.matched ?? 0;
    const seconds =
      prefillSeconds(this.#profile, tokens.length, hitTokens) + decodeSeconds(this.#profile, tokens.length);
    // Where it leaves what is cached, by whomever, and where it ends.
    const known = Math.max(0, ...this.#cached(model).map((one) => commonLength(one.tokens, tokens)));
    for (const length of [known, tokens.length]) {
      const isNew = !this.#cuts.some(
        (cut) => cut.model === model && cut.prefix.length === length && startsWith(tokens, cut.prefix),
      );
      if (length > 0 && isNew) this.#cuts.push({ model, prefix: tokens.slice(0, length) });
    }
    this.#log.push({ atMs, pod, model, tokens, hitTokens, seconds, cached: true, counted: true });
  }

  /** A cut goes when nobody caches what it ends. */
  #expire(atMs: number): void {
    for (const one of this.#log) if (atMs - one.atMs > TTL_MS) one.cached = false;
    this.#cuts = this.#cuts.filter(({ model, prefix }) =>
      this.#cached(model).some((one) => startsWith(one.tokens, prefix)),
    );
  }

  #changeFleet(model: string, ready: readonly string[]): void {
    this.#readyByModel.set(model, ready);
    const all = new Set([...this.#readyByModel.values()].flat());
    for (const one of this.#log) {
      if (!all.has(one.pod)) one.cached = one.counted = false;
      else if (this.#readyByModel.get(one.model)?.includes(one.pod) !== true) one.cached = false;
    }
    this.#expire(-Infinity);
  }

  #cached(model: string): Placed[] {
    return this.#log.filter((one) => one.cached && one.model === model);
  }

  #held(pod: string, model: string, tokens: readonly number[]): number {
    return Math.max(0, ...this.#cached(model).map((one) => (one.pod === pod ? commonLength(one.tokens, tokens) : 0)));
  }

  #ownersOfLongestNode(
    pods: readonly string[],
    model: string,
    tokens: readonly number[],
    matchedTokens: number,
  ): string[] {
    const ends = this.#cuts
      .filter((cut) => cut.model === model && commonLength(cut.prefix, tokens) > this.#startOf(cut))
      .toSorted((a, b) => b.prefix.length - a.prefix.length);
    let longest = 0;
    let owners: string[] = [];
    for (const cut of ends) {
      const own = Math.min(matchedTokens, cut.prefix.length) - this.#startOf(cut);
      const holders = pods.filter((pod) =>
        this.#cached(model).some((one) => one.pod === pod && startsWith(one.tokens, cut.prefix)),
      );
      // Of the deepest node only a part may be matched; who holds it then holds that part.
      if (own > longest && holders.length > 0) [longest, owners] = [own, holders];
    }
    return owners;
  }

  /** Where the node that this cut ends begins: at the cut before it. */
  #startOf({ model, prefix }: Cut): number {
    const before = this.#cuts.filter(
      (cut) => cut.model === model && cut.prefix.length < prefix.length && startsWith(prefix, cut.prefix),
    );
    return Math.max(0, ...before.map((cut) => cut.prefix.length));
  }

  /** Drops the pod's stalest nodes until there is room; each is missed by the share of recent requests that use it. */
  #evictionSeconds(pod: string, neededTokens: number, recent: readonly Placed[]): number {
    const nodes = this.#cuts
      .map((cut) => {
        const users = this.#log.filter(
          (one) => one.cached && one.pod === pod && one.model === cut.model && startsWith(one.tokens, cut.prefix),
        );
        const last = this.#log.lastIndexOf(users.at(-1) as Placed);
        return { cut, last, recentUses: users.filter((one) => recent.includes(one)).length };
      })
      .filter(({ last }) => last >= 0)
      .toSorted((a, b) => a.last - b.last || b.cut.prefix.length - a.cut.prefix.length);
    let freed = 0;
    let seconds = 0;
    for (const { cut, recentUses } of nodes) {
      if (freed >= neededTokens) break;
      const own = cut.prefix.length - this.#startOf(cut);
      freed += own;
      const again = prefillMs(this.#profile, own, cut.prefix.length, cut.prefix.length) / 1000;
      if (recentUses > 0) seconds += (again * recentUses) / recent.length;
    }
    return seconds;
  }
}

function cheapest<T extends { readonly cost: number }>(views: readonly T[]): T[] {
  const least = Math.min(...views.map(({ cost }) => cost));
  return views.filter(({ cost }) => cost - least < 1e-9);
}

function commonLength(a: readonly number[], b: readonly number[]): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return length;
}

function startsWith(tokens: readonly number[], prefix: readonly number[]): boolean {
  return commonLength(tokens, prefix) === prefix.length;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
