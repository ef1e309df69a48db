/**
 * A node of the prefix tree, and who holds it since when: claims of pods on nodes, each pod's in order of last use.
 *
 * A claim on a node is never fresher than the same pod's claims on the node's ancestors, because whoever uses a prefix
 * uses all that comes before it. So the stalest claim of a holder is always on its deepest node of some branch, and
 * dropping from the stale end never leaves a hole in a path.
 */
import { sharedTokens } from "./shared-tokens.ts";
import type { TokenPage } from "./token-pages.ts";

/** An edge of tokens that leads to it, and the pods that hold everything up to its end. Fields change only in `radix-tree.ts`. */
export class RadixNode {
  readonly namespace: string;
  /** A root has none, and no edge. */
  parent: RadixNode | undefined;
  /** The edge is `page.tokens[start..end)`. */
  page: TokenPage;
  start: number;
  end: number;
  /** By the first token of the child's edge. Absent in leaves: most nodes are leaves, and an empty Map is not small. */
  children: Map<number, RadixNode> | undefined = undefined;
  /** A parent's holders include those of its children. */
  readonly claims: Claim[] = [];
  /** Tokens from the root to the end of this node. */
  contextTokens: number;

  constructor(namespace: string, parent: RadixNode | undefined, page: TokenPage, start: number, end: number) {
    this.namespace = namespace;
    this.parent = parent;
    this.page = page;
    this.start = start;
    this.end = end;
    this.contextTokens = (parent?.contextTokens ?? 0) + end - start;
  }

  get edgeTokens(): number {
    return this.end - this.start;
  }

  get firstToken(): number {
    return this.page.tokens[this.start] as number;
  }

  claimOf(holder: Holder): Claim | undefined {
    for (const claim of this.claims) if (claim.holder === holder) return claim;
    return undefined;
  }

  /** How many tokens of the edge stand in `prompt` from `at` on. */
  sharedWith(prompt: Int32Array, at: number): number {
    return sharedTokens(this.page.tokens, this.start, this.end, prompt, at);
  }
}

export interface Claim {
  readonly holder: Holder;
  readonly node: RadixNode;
  /** Requests that rest on this claim: it goes when the last of them turns out to have failed. */
  uses: number;
  /** Those of them that have not lapsed: in Preble, the requests of the load window. */
  recentUses: number;
  /** Number of the touch that made it; a request older than that does not rest on it. */
  readonly bornAt: number;
  lastUsedMs: number;
  staler: Claim | undefined;
  fresher: Claim | undefined;
}

/** One pod's claims, stalest to freshest: a doubly linked list, so that a touch costs the same in a tree of any size. */
export class Holder {
  readonly name: string;
  #stalest: Claim | undefined;
  #freshest: Claim | undefined;

  constructor(name: string) {
    this.name = name;
  }

  get stalest(): Claim | undefined {
    return this.#stalest;
  }

  /** Adds a claim at the fresh end. */
  add(node: RadixNode, bornAt: number, nowMs: number): Claim {
    const claim: Claim = {
      holder: this,
      node,
      uses: 1,
      recentUses: 1,
      bornAt,
      lastUsedMs: nowMs,
      staler: this.#freshest,
      fresher: undefined,
    };
    if (this.#freshest === undefined) this.#stalest = claim;
    else this.#freshest.fresher = claim;
    this.#freshest = claim;
    return claim;
  }

  /** Adds the claim that the upper half of a split node inherits: as old as `lower`, right on its fresh side. */
  inherit(node: RadixNode, lower: Claim): Claim {
    const { uses, recentUses, bornAt, lastUsedMs, fresher } = lower;
    const claim: Claim = { holder: this, node, uses, recentUses, bornAt, lastUsedMs, staler: lower, fresher };
    lower.fresher = claim;
    if (fresher === undefined) this.#freshest = claim;
    else fresher.staler = claim;
    return claim;
  }

  /** Moves a claim to the fresh end. */
  touch(claim: Claim, nowMs: number): void {
    claim.lastUsedMs = nowMs;
    if (claim === this.#freshest) return;
    this.remove(claim);
    claim.staler = this.#freshest;
    claim.fresher = undefined;
    if (this.#freshest === undefined) this.#stalest = claim;
    else this.#freshest.fresher = claim;
    this.#freshest = claim;
  }

  remove(claim: Claim): void {
    if (claim.staler === undefined) this.#stalest = claim.fresher;
    else claim.staler.fresher = claim.fresher;
    if (claim.fresher === undefined) this.#freshest = claim.staler;
    else claim.fresher.staler = claim.staler;
  }
}
