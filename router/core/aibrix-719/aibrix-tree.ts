/**
 * The radix tree of AIBrix PR #719 (`prefixcacheindexer/tree.go` at d350ca5), with its oddities: one tree for all models,
 * a ghost pod named "" on every inserted path, depths left stale by splits, ancestors stripped by an eviction.
 */
import { sharedTokens } from "../prefix-tree/shared-tokens.ts";

/** Names of pods by model. */
type ModelToPods = Map<string, Set<string>>;

export interface AibrixNode {
  readonly id: number;
  parent: AibrixNode | undefined;
  /** By the first token of the child's key. */
  readonly children: Map<number, AibrixNode>;
  key: Int32Array;
  /** Tokens from the root to the end of this node. */
  readonly contextTokens: number;
  /** Of a split child, and of everything below it, one too small for each split: nobody puts it right. */
  readonly depth: number;
  lastAccessMs: number;
  readonly modelToPods: ModelToPods;
}

/** What an insert records where a pod's name belongs. */
const GHOST = "";

const TTL_MS = 5 * 60_000;

export class AibrixTree {
  readonly root: AibrixNode;
  readonly #nodes = new Map<number, AibrixNode>();
  #nextId = 0;
  /** Where the last insert left its ghost. */
  #haunted: readonly AibrixNode[] = [];
  #keptPods: ReadonlySet<string> = new Set();

  constructor() {
    this.root = this.#create(undefined, new Int32Array(0), 0);
  }

  /** In order of creation, the root first. */
  nodes(): Iterable<AibrixNode> {
    return this.#nodes.values();
  }

  get size(): number {
    return this.#nodes.size;
  }

  /**
   * Inserts first, and so finds what was there before, for any model and any pod.
   *
   * @returns the node that ends with the prompt (the root for an empty one), and the tokens known before
   */
  insert(
    prompt: Int32Array,
    model: string,
    nowMs: number,
  ): { readonly node: AibrixNode; readonly matchedTokens: number } {
    let node = this.root;
    let matchedTokens = 0;
    node.lastAccessMs = nowMs;
    while (matchedTokens < prompt.length) {
      const child = node.children.get(prompt[matchedTokens] as number);
      if (child === undefined) {
        node = this.#create(node, prompt.slice(matchedTokens), nowMs);
        break;
      }
      const shared = sharedTokens(child.key, 0, child.key.length, prompt, matchedTokens);
      matchedTokens += shared;
      node = shared < child.key.length ? this.#split(child, shared, nowMs) : child;
      node.lastAccessMs = nowMs;
    }
    this.#haunted = [...pathUp(node)];
    for (const above of this.#haunted) addPod(above, model, GHOST);
    return { node, matchedTokens };
  }

  /**
   * Deletes every other pod from every node, of all models. @returns whether there was any
   *
   * Where all pods kept the last time are kept again, nothing but the ghost since then can be in the way, and only the
   * nodes of the last insert are looked at. The merged code walks the whole tree for every request.
   */
  keepPods(names: ReadonlySet<string>): boolean {
    const suspects = [...this.#keptPods].every((name) => names.has(name)) ? this.#haunted : this.#nodes.values();
    this.#keptPods = names;
    let changed = false;
    for (const { modelToPods } of suspects) {
      for (const [model, pods] of modelToPods) {
        for (const pod of pods) if (!names.has(pod)) changed = pods.delete(pod);
        if (pods.size === 0) modelToPods.delete(model);
      }
    }
    return changed;
  }

  /** Takes every node last touched more than five minutes ago, with all below it. @returns the nodes taken */
  evict(nowMs: number): ReadonlySet<AibrixNode> {
    const evicted = new Set<AibrixNode>();
    for (const node of this.#nodes.values()) {
      if (node === this.root || nowMs - node.lastAccessMs <= TTL_MS) continue;
      const stack = [node];
      for (let taken = stack.pop(); taken !== undefined; taken = stack.pop()) {
        evicted.add(taken);
        stack.push(...taken.children.values());
      }
    }
    for (const node of evicted) this.#evict(node);
    return evicted;
  }

  #create(parent: AibrixNode | undefined, key: Int32Array, nowMs: number): AibrixNode {
    const node: AibrixNode = {
      id: this.#nextId++,
      parent,
      children: new Map(),
      key,
      contextTokens: (parent?.contextTokens ?? 0) + key.length,
      depth: parent === undefined ? 0 : parent.depth + 1,
      lastAccessMs: nowMs,
      modelToPods: new Map(),
    };
    this.#nodes.set(node.id, node);
    parent?.children.set(key[0] as number, node);
    return node;
  }

  /** Both halves keep the pods; the lower one keeps its counters, its context and its depth. */
  #split(lower: AibrixNode, tokens: number, nowMs: number): AibrixNode {
    const upper = this.#create(lower.parent, lower.key.subarray(0, tokens), nowMs);
    for (const [model, pods] of lower.modelToPods) upper.modelToPods.set(model, new Set(pods));
    lower.key = lower.key.subarray(tokens);
    lower.parent = upper;
    upper.children.set(lower.key[0] as number, lower);
    return upper;
  }

  /** Its pods go from all its ancestors as well, whoever else below them still has these pods. */
  #evict(node: AibrixNode): void {
    for (let above = node.parent; above !== undefined; above = above.parent) {
      for (const [model, pods] of node.modelToPods) {
        const theirs = above.modelToPods.get(model);
        for (const pod of pods) theirs?.delete(pod);
        if (theirs?.size === 0) above.modelToPods.delete(model);
      }
    }
    node.parent?.children.delete(node.key[0] as number);
    this.#nodes.delete(node.id);
    node.parent = undefined;
    node.children.clear();
    node.modelToPods.clear();
  }
}

/** The node and everything above it, the root included. */
export function* pathUp(node: AibrixNode): Generator<AibrixNode> {
  for (let at: AibrixNode | undefined = node; at !== undefined; at = at.parent) yield at;
}

export function addPod(node: AibrixNode, model: string, pod: string): void {
  const pods = node.modelToPods.get(model);
  if (pods === undefined) node.modelToPods.set(model, new Set([pod]));
  else pods.add(pod);
}
