/**
 * Which pod holds which prefix: one radix tree of token ids per namespace (model, cache salt, adapter).
 *
 * A prompt given to a pod is claimed: every node on its path remembers the pod and when it last used that prefix. A claim
 * unused for the TTL goes, and the stalest go first when the tree outgrows its token budget; a node that nobody claims
 * goes with its last claim. Nothing recurses: a prompt may have 131,072 tokens and a path as many nodes.
 *
 * Invariants: a node's holders hold its parent too; a claim is never fresher than the same holder's claim on the parent;
 * every node but a root has a claim.
 */
import { Holder, RadixNode, type Claim } from "./radix-node.ts";
import { TokenPages } from "./token-pages.ts";

export interface RadixTreeOptions {
  /** A claim unused for longer than this is dropped by the next {@link RadixTree.evict}. */
  readonly ttlMs: number;
  /** Tokens on all edges together; kept at the end of every call. */
  readonly capacityTokens: number;
}

/** Which holders have how much of a prompt. */
export interface PrefixMatch {
  /** The longest prefix that anybody holds. */
  readonly matchedTokens: number;
  /** Tokens per holder of at least one, the longest first. */
  readonly byHolder: ReadonlyMap<Holder, number>;
  /** Where in which state of the tree the walk ended: {@link RadixTree.claim} can go on from there. */
  readonly node: RadixNode | undefined;
  readonly version: number;
}

/** A prompt that was given to a pod: what {@link RadixTree.withdraw} needs to take it back. */
export interface Placement {
  readonly node: RadixNode;
  readonly holder: Holder;
  readonly touch: number;
}

const NO_TOKENS = { tokens: new Int32Array(0), liveTokens: 0 };

export class RadixTree {
  readonly #options: RadixTreeOptions;
  readonly #roots = new Map<string, RadixNode>();
  readonly #holders = new Set<Holder>();
  readonly #pages = new TokenPages();
  #touches = 0;
  /** Changes with every node. */
  #version = 0;
  #nodes = 0;
  #storedTokens = 0;

  constructor(options: RadixTreeOptions) {
    this.#options = options;
  }

  /** By namespace. To look at, not to change. */
  get roots(): ReadonlyMap<string, RadixNode> {
    return this.#roots;
  }

  /** Nodes without the roots. */
  get nodes(): number {
    return this.#nodes;
  }

  get storedTokens(): number {
    return this.#storedTokens;
  }

  /** What the stored tokens take up, four bytes each: more than there are, because pages have gaps. */
  get allocatedTokens(): number {
    return this.#pages.allocatedTokens;
  }

  addHolder(name: string): Holder {
    const holder = new Holder(name);
    this.#holders.add(holder);
    return holder;
  }

  /** Drops everything it holds, in time proportional to that. */
  removeHolder(holder: Holder): void {
    this.forget(holder, () => false);
    this.#holders.delete(holder);
  }

  /** Drops what it holds outside the namespaces kept. */
  forget(holder: Holder, keeps: (namespace: string) => boolean): void {
    let claim = holder.stalest;
    while (claim !== undefined) {
      // What is dropped before it on the same branch is staler: the next one stays in the list.
      const { fresher }: Claim = claim;
      if (!keeps(claim.node.namespace)) this.#drop(claim);
      claim = fresher;
    }
  }

  /** Looks without touching. A prompt may end, or leave the tree, in the middle of an edge. */
  match(namespace: string, prompt: Int32Array): PrefixMatch {
    let node = this.#roots.get(namespace);
    let matchedTokens = 0;
    while (node !== undefined && matchedTokens < prompt.length) {
      const child: RadixNode | undefined = node.children?.get(prompt[matchedTokens] as number);
      if (child === undefined) break;
      node = child;
      matchedTokens += child.sharedWith(prompt, matchedTokens);
      if (matchedTokens < child.contextTokens) break;
    }
    const byHolder = new Map<Holder, number>();
    const end = node;
    // Upwards a node has the holders of the one below it and perhaps more: only a longer list has news.
    for (let known = 0; node?.parent !== undefined; node = node.parent) {
      if (node.claims.length === known) continue;
      known = node.claims.length;
      const tokens = Math.min(matchedTokens, node.contextTokens);
      for (const { holder } of node.claims) if (!byHolder.has(holder)) byHolder.set(holder, tokens);
    }
    return { matchedTokens, byHolder, node: end, version: this.#version };
  }

  /**
   * Notes that `holder` is given this prompt: from now on it holds every prefix of it. A `match` of the same prompt saves
   * walking the tree again, if nothing has changed since.
   */
  claim(namespace: string, prompt: Int32Array, holder: Holder, nowMs: number, match?: PrefixMatch): Placement {
    const node = this.#insert(namespace, prompt, match?.version === this.#version ? match : undefined);
    const touch = ++this.#touches;
    // From the leaf up, so that ancestors end up fresher.
    for (let at = node; at.parent !== undefined; at = at.parent) {
      if (this.#pages.isSparse(at.page)) this.#move(at);
      const claim = at.claimOf(holder);
      if (claim === undefined) {
        at.claims.push(holder.add(at, touch, nowMs));
      } else {
        claim.uses++;
        claim.recentUses++;
        holder.touch(claim, nowMs);
      }
    }
    this.#shrink();
    return { node, holder, touch };
  }

  /** Takes a placement back: what no other placement on the same pod confirms is held no longer. */
  withdraw({ node, holder, touch }: Placement): void {
    for (let at = node; at.parent !== undefined;) {
      const parent: RadixNode = at.parent;
      const claim = at.claimOf(holder);
      if (claim !== undefined && claim.bornAt <= touch && --claim.uses === 0) this.#drop(claim);
      at = parent;
    }
  }

  /** The placement is no longer recent. What it claimed stays. */
  lapse({ node, holder, touch }: Placement): void {
    for (let at = node; at.parent !== undefined; at = at.parent) {
      const claim = at.claimOf(holder);
      if (claim !== undefined && claim.bornAt <= touch) claim.recentUses--;
    }
  }

  /** Drops every claim last used more than the TTL before `nowMs`. */
  evict(nowMs: number): void {
    const oldestMs = nowMs - this.#options.ttlMs;
    for (const holder of this.#holders) {
      let claim = holder.stalest;
      while (claim !== undefined && claim.lastUsedMs < oldestMs) {
        this.#drop(claim);
        claim = holder.stalest;
      }
    }
  }

  /** The node that ends exactly at the prompt's end, made where there is none. */
  #insert(namespace: string, prompt: Int32Array, match: PrefixMatch | undefined): RadixNode {
    let node = match?.node ?? this.#roots.get(namespace) ?? new RadixNode(namespace, undefined, NO_TOKENS, 0, 0);
    let at = match?.node === undefined ? 0 : match.matchedTokens;
    if (at < node.contextTokens) node = this.#split(node, node.edgeTokens - (node.contextTokens - at));
    while (at < prompt.length) {
      const child = node.children?.get(prompt[at] as number);
      if (child === undefined) return this.#addLeaf(node, prompt, at);
      const shared = child.sharedWith(prompt, at);
      at += shared;
      node = shared < child.edgeTokens ? this.#split(child, shared) : child;
    }
    return node;
  }

  #addLeaf(parent: RadixNode, prompt: Int32Array, from: number): RadixNode {
    const { page, start } = this.#pages.store(prompt, from, prompt.length);
    const leaf = new RadixNode(parent.namespace, parent, page, start, start + prompt.length - from);
    (parent.children ??= new Map()).set(leaf.firstToken, leaf);
    if (parent.parent === undefined) this.#roots.set(parent.namespace, parent);
    this.#nodes++;
    this.#version++;
    this.#storedTokens += leaf.edgeTokens;
    return leaf;
  }

  /** Puts a new node in front of `lower` for the first `tokens` of its edge, with the same holders. */
  #split(lower: RadixNode, tokens: number): RadixNode {
    const { namespace, parent, page, start } = lower;
    if (parent?.children === undefined) throw new Error("a root cannot be split");
    const upper = new RadixNode(namespace, parent, page, start, start + tokens);
    for (const claim of lower.claims) upper.claims.push(claim.holder.inherit(upper, claim));
    parent.children.set(upper.firstToken, upper);
    lower.parent = upper;
    lower.start += tokens;
    upper.children = new Map([[lower.firstToken, lower]]);
    this.#nodes++;
    this.#version++;
    return upper;
  }

  #drop(claim: Claim): void {
    claim.holder.remove(claim);
    const { claims } = claim.node;
    const last = claims.pop();
    if (last !== undefined && last !== claim) claims[claims.indexOf(claim)] = last;
    if (claims.length === 0) this.#removeNode(claim.node);
  }

  /** A node without claims has no children either: their holders were its own. */
  #removeNode(node: RadixNode): void {
    const { namespace, parent } = node;
    if (parent?.children === undefined) throw new Error("a root has no claims to lose");
    parent.children.delete(node.firstToken);
    if (parent.children.size === 0) {
      parent.children = undefined;
      if (parent.parent === undefined) this.#roots.delete(namespace);
    }
    this.#nodes--;
    this.#version++;
    this.#free(node, node.edgeTokens);
  }

  /** Least recently used first, and of a prompt the tail before the head, which more prompts can use. */
  #shrink(): void {
    while (this.#storedTokens > this.#options.capacityTokens) {
      const stalest = this.#stalest();
      if (stalest === undefined) return;
      const excessTokens = this.#storedTokens - this.#options.capacityTokens;
      if (stalest.node.claims.length === 1 && excessTokens < stalest.node.edgeTokens)
        this.#trim(stalest.node, excessTokens);
      else this.#drop(stalest);
    }
  }

  #stalest(): Claim | undefined {
    let found: Claim | undefined;
    for (const { stalest } of this.#holders) {
      if (stalest !== undefined && (found === undefined || stalest.lastUsedMs < found.lastUsedMs)) found = stalest;
    }
    return found;
  }

  /** Cuts the last tokens off a leaf. */
  #trim(leaf: RadixNode, tokens: number): void {
    leaf.end -= tokens;
    leaf.contextTokens -= tokens;
    this.#version++;
    this.#free(leaf, tokens);
  }

  #free(node: RadixNode, tokens: number): void {
    this.#storedTokens -= tokens;
    this.#pages.free(node.page, tokens);
  }

  /** To a fuller page. */
  #move(node: RadixNode): void {
    const { page, start, end } = node;
    const slice = this.#pages.store(page.tokens, start, end);
    this.#pages.free(page, end - start);
    node.page = slice.page;
    node.start = slice.start;
    node.end = slice.start + end - start;
  }
}
