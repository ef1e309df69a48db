/** The prefix tree as plain JSON for an operator: who holds how much of what, never the tokens themselves. */
import { PrefixCacheAndLoad } from "./strategies/prefix-cache-and-load.ts";
import type { RadixNode } from "./radix-node.ts";
import type { Strategy } from "./strategy.ts";

export interface NodeView {
  /** Tokens from the start of the prompt to the end of this node. */
  readonly contextTokens: number;
  /** Tokens of its own edge. */
  readonly edgeTokens: number;
  readonly pods: readonly { readonly name: string; readonly idleMs: number }[];
  /** Position of its parent in the list; null below a root. */
  readonly parent: number | null;
  readonly children: number;
}

export interface TreeView {
  readonly nodes: number;
  readonly storedTokens: number;
  readonly namespaces: readonly {
    readonly model: string;
    readonly lora: string | null;
    /** Whether the prompts carried a cache salt; the salt itself is a secret. */
    readonly salted: boolean;
    readonly prefixes: readonly NodeView[];
    /** Nodes beyond the limit. */
    readonly more: boolean;
  }[];
}

/** At most `limit` nodes per namespace, those nearest the root first. Undefined for strategies without a tree. */
export function viewTree(strategy: Strategy, limit: number, nowMs: number): TreeView | undefined {
  if (!(strategy instanceof PrefixCacheAndLoad)) return undefined;
  const { tree } = strategy;
  return {
    nodes: tree.nodes,
    storedTokens: tree.storedTokens,
    namespaces: [...tree.roots].map(([namespace, root]) => {
      const [model = "", lora, salt] = JSON.parse(namespace) as (string | null)[];
      const prefixes = breadthFirst(root, limit, nowMs);
      const salted = salt !== null && salt !== undefined;
      return { model: model ?? "", lora: lora ?? null, salted, prefixes, more: prefixes.length === limit };
    }),
  };
}

function breadthFirst(root: RadixNode, limit: number, nowMs: number): NodeView[] {
  const views: NodeView[] = [];
  const queue: { node: RadixNode; parent: number | null }[] = [];
  const enqueue = (node: RadixNode, parent: number | null): void => {
    for (const child of node.children?.values() ?? []) {
      if (queue.length === limit) return;
      queue.push({ node: child, parent });
    }
  };
  enqueue(root, null);
  for (const [index, { node, parent }] of queue.entries()) {
    views.push({
      contextTokens: node.contextTokens,
      edgeTokens: node.edgeTokens,
      pods: node.claims.map(({ holder, lastUsedMs }) => ({
        name: holder.name,
        idleMs: Math.round(nowMs - lastUsedMs),
      })),
      parent,
      children: node.children?.size ?? 0,
    });
    enqueue(node, index);
  }
  return views;
}
