/** A node of the prefix tree: an edge of tokens that leads to it, and the pods that hold everything up to its end. */
import type { Claim, Holder } from "./holder.ts";
import { sharedTokens } from "./shared-tokens.ts";
import type { TokenPage } from "./token-pages.ts";

/** Fields change only in `radix-tree.ts`. */
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
