/** A node of the prefix tree: an edge of tokens that leads to it, and the pods that hold everything up to its end. */
import type { Claim, Holder } from "./holder.ts";
import { sharedTokens } from "./shared-tokens.ts";

const NO_TOKENS = new Int32Array(0);

/** Fields change only in `radix-tree.ts`. */
export class RadixNode {
  readonly namespace: string;
  parent: RadixNode | undefined;
  /** The edge is `tokens[start..end)`: after a split both halves may look into the same array. */
  tokens: Int32Array;
  start = 0;
  end: number;
  /** By the first token of the child's edge. Absent in leaves: most nodes are leaves, and an empty Map is not small. */
  children: Map<number, RadixNode> | undefined = undefined;
  /** A parent's holders include those of its children. */
  readonly claims: Claim[] = [];
  /** Tokens from the root to the end of this node. */
  contextTokens: number;

  /** A root has neither parent nor tokens. */
  constructor(namespace: string, parent?: RadixNode, tokens = NO_TOKENS) {
    this.namespace = namespace;
    this.parent = parent;
    this.tokens = tokens;
    this.end = tokens.length;
    this.contextTokens = (parent?.contextTokens ?? 0) + tokens.length;
  }

  get edgeTokens(): number {
    return this.end - this.start;
  }

  claimOf(holder: Holder): Claim | undefined {
    for (const claim of this.claims) if (claim.holder === holder) return claim;
    return undefined;
  }

  /** How many tokens of the edge stand in `prompt` from `at` on. */
  sharedWith(prompt: Int32Array, at: number): number {
    return sharedTokens(this.tokens, this.start, this.end, prompt, at);
  }
}
