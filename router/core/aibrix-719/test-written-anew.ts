/**
 * The rule of AIBrix PR #719 a second time, for tests: a plain list of nodes, each with the whole prefix it stands for,
 * and every quantity worked out from the list when it is asked for. It shares no code and no number with the mode itself.
 */

interface ListedNode {
  /** All tokens from the start. */
  readonly prefix: readonly number[];
  /** Where its own tokens begin: the prefix's length of the node above. */
  from: number;
  touchedMs: number;
  readonly owners: Map<string, Set<string>>;
  /** Absent until a request ends here: sum of context, requests, tokens above, tokens in all. */
  counters: { context: number; count: number; hit: number; prompt: number } | undefined;
}

export interface AnewResult {
  readonly branch: "rejected" | "only-pod" | "prefix" | "cost";
  readonly matchedTokens: number;
  readonly allowed: readonly string[];
  readonly loads: Readonly<Record<string, number>>;
  readonly costsBeforeSeconds: Readonly<Record<string, number>>;
  readonly costsAfterSeconds: Readonly<Record<string, number>>;
}

const MINUTE_MS = 60_000;

export class Aibrix719Anew {
  readonly #gpu: "v100" | "a6000";
  #nodes: ListedNode[] = [node([], 0, 0)];
  #requests: { readonly atMs: number; readonly node: ListedNode }[] = [];
  #readyCount = 0;
  #sweptMs = 0;

  constructor(gpu: "v100" | "a6000") {
    this.#gpu = gpu;
  }

  /** The state follows `pick(allowed)`. */
  step(
    {
      model,
      tokens,
      ready,
      atMs,
    }: { model: string; tokens: readonly number[]; ready: readonly string[]; atMs: number },
    pick: (allowed: readonly string[]) => string,
  ): AnewResult {
    for (; this.#sweptMs + 1000 <= atMs; this.#sweptMs += 1000) this.#sweep(this.#sweptMs + 1000);
    const none = { matchedTokens: 0, allowed: [], loads: {}, costsBeforeSeconds: {}, costsAfterSeconds: {} };
    if (ready.length === 0) return { branch: "rejected", ...none };
    if (ready.length === 1) {
      const costs = this.#of(ready, (pod) => this.#cost(pod));
      const loads = this.#of(ready, (pod) => this.#load(pod));
      const same = { costsBeforeSeconds: costs, costsAfterSeconds: costs };
      return { ...none, branch: "only-pod", allowed: ready, loads, ...same };
    }
    this.#forgetOthers(ready);
    const { end, matchedTokens } = this.#insert(tokens, model, atMs);
    const loads = this.#of(ready, (pod) => this.#load(pod));
    const costsBeforeSeconds = this.#of(ready, (pod) => this.#cost(pod));
    const path = this.#above(end);
    const owned = path.map(({ owners }) => ready.filter((pod) => owners.get(model)?.has(pod) === true));
    const deepest = matchedTokens / tokens.length > 0.5 ? owned.find((pods) => pods.length > 0) : undefined;
    const [asked, rank] = deepest === undefined ? [ready, costsBeforeSeconds] : [deepest, loads];
    const least = Math.min(...asked.map((pod) => rank[pod] ?? NaN));
    const allowed = asked.filter((pod) => Math.abs((rank[pod] ?? NaN) - least) < 1e-9);
    const target = pick(allowed);
    for (const { owners } of path) own(owners, model, target);
    this.#requests.push({ atMs, node: end });
    end.counters ??= { context: 0, count: 0, hit: 0, prompt: 0 };
    count(end, 1);
    const costsAfterSeconds = this.#of(ready, (pod) => this.#cost(pod));
    const branch = deepest === undefined ? "cost" : "prefix";
    return { branch, matchedTokens, allowed, loads, costsBeforeSeconds, costsAfterSeconds };
  }

  /** The node that ends with the prompt, made if need be, and how much of the prompt some node had before. */
  #insert(tokens: readonly number[], model: string, atMs: number): { end: ListedNode; matchedTokens: number } {
    const shared = this.#nodes.map(({ prefix }) => commonLength(prefix, tokens));
    const matchedTokens = Math.max(...shared);
    const endsAt = (length: number): ListedNode | undefined =>
      this.#nodes.find(({ prefix }, index) => prefix.length === length && (shared[index] as number) >= length);
    if (endsAt(matchedTokens) === undefined) {
      const whole = this.#nodes.find(({ from }, index) => shared[index] === matchedTokens && from < matchedTokens);
      if (whole === undefined) throw new Error("nobody has what was matched");
      const upper = node(tokens.slice(0, matchedTokens), whole.from, atMs);
      for (const [name, pods] of whole.owners) for (const pod of pods) own(upper.owners, name, pod);
      whole.from = matchedTokens;
      this.#nodes.push(upper);
      shared.push(matchedTokens);
    }
    let end = endsAt(tokens.length);
    if (end === undefined) this.#nodes.push((end = node(tokens, matchedTokens, atMs)));
    for (const above of this.#above(end)) {
      above.touchedMs = atMs;
      own(above.owners, model, "");
    }
    return { end, matchedTokens };
  }

  /** The node and all above it, the deepest first. A node cut off from those above it has none. */
  #above(end: ListedNode): ListedNode[] {
    const path = [end];
    for (let below = end; below.prefix.length > 0;) {
      const { prefix, from } = below;
      const next = this.#nodes.find((one) => one.prefix.length === from && commonLength(one.prefix, prefix) === from);
      if (next === undefined) break;
      path.push((below = next));
    }
    return path;
  }

  #forgetOthers(ready: readonly string[]): void {
    let changed = ready.length !== this.#readyCount;
    for (const { owners } of this.#nodes) {
      for (const [model, pods] of owners) {
        for (const pod of pods) if (!ready.includes(pod)) changed = pods.delete(pod);
        if (pods.size === 0) owners.delete(model);
      }
    }
    if (!changed) return;
    this.#readyCount = ready.length;
    this.#requests = this.#requests.filter((request) => request.node.owners.size > 0);
  }

  #sweep(nowMs: number): void {
    const stale = (one: ListedNode): boolean => one.prefix.length > 0 && nowMs - one.touchedMs > 5 * MINUTE_MS;
    const gone = this.#nodes.filter((one) => this.#above(one).some(stale));
    for (const one of gone) {
      for (const { owners } of this.#above(one).slice(1)) {
        for (const [model, pods] of one.owners) {
          for (const pod of pods) owners.get(model)?.delete(pod);
          if (owners.get(model)?.size === 0) owners.delete(model);
        }
      }
      this.#nodes = this.#nodes.filter((other) => other !== one);
    }
    this.#requests = this.#requests.filter((request) => !gone.includes(request.node));
    const old = this.#requests.filter((request) => request.atMs <= nowMs - 3 * MINUTE_MS);
    this.#requests = this.#requests.filter((request) => !old.includes(request));
    for (const request of old) {
      count(request.node, -1);
      if ((request.node.counters?.context ?? 0) <= 0) request.node.counters = undefined;
    }
  }

  #load(pod: string): number {
    const lists = ({ owners }: ListedNode): boolean => [...owners.values()].some((pods) => pods.has(pod));
    return sum(this.#nodes.map((one) => (lists(one) ? (one.counters?.count ?? 0) : 0)));
  }

  #cost(pod: string): number {
    return sum(
      this.#nodes.map(({ prefix, from, owners, counters }) => {
        const models = [...owners.values()].filter((pods) => pods.has(pod)).length;
        if (counters === undefined || models === 0) return 0;
        const missRate = counters.prompt > 0 ? 1 - counters.hit / counters.prompt : 1;
        const prefill = prefillSeconds(this.#gpu, prefix.length - from, prefix.length);
        const each = (missRate * counters.count * prefill) / owners.size + 45 * 0.15;
        return each * models;
      }),
    );
  }

  #of(pods: readonly string[], value: (pod: string) => number): Record<string, number> {
    return Object.fromEntries(pods.map((pod) => [pod, value(pod)]));
  }
}

function prefillSeconds(gpu: "v100" | "a6000", own: number, context: number): number {
  const halved = (own === 0 ? context : own) <= 1024 ? 2 : 1;
  const isV100 = gpu === "v100";
  let linear = isV100 ? 55 : 22;
  if (own >= 384) linear = isV100 ? 0.27106428 * own + 10.52444263 : 0.10842571 * own + 4.209777054806409;
  else if (own >= 192)
    linear = isV100 ? -295 + 3.125 * own - 6.4e-3 * own * own : -118 + 1.25 * own - 2.56e-3 * own * own;
  let attention = isV100 ? 0.8 : 0.32;
  if (context > 1024) attention = (isV100 ? 4.65e-4 * context + 0.398 : 1.86e-4 * context + 0.159) / halved;
  let quadratic = 0;
  if (own >= 4096)
    quadratic = isV100 ? -18.425 + 9.65e-3 * own + 5.4e-6 * own * own : -7.37 + 3.86e-3 * own + 2.16e-6 * own * own;
  return (linear + attention + quadratic) / 1000 / 0.9;
}

function node(prefix: readonly number[], from: number, touchedMs: number): ListedNode {
  return { prefix, from, touchedMs, owners: new Map(), counters: undefined };
}

function own(owners: Map<string, Set<string>>, model: string, pod: string): void {
  owners.set(model, new Set([...(owners.get(model) ?? []), pod]));
}

function count({ prefix, from, counters }: ListedNode, sign: 1 | -1): void {
  if (counters === undefined) return;
  counters.context += sign * prefix.length;
  counters.count += sign;
  counters.hit += sign * from;
  counters.prompt += sign * prefix.length;
}

function commonLength(a: readonly number[], b: readonly number[]): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return length;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
