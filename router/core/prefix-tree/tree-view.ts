/** A prefix index as plain JSON for an operator: who holds how much of what, never the tokens themselves. */
import { partsOf } from "./namespace.ts";
import type { RadixTree } from "./radix-tree.ts";

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

export interface Look<T> {
  readonly children: Iterable<T>;
  readonly view: Omit<NodeView, "parent"> | undefined;
}

export interface NamespaceView {
  readonly model: string;
  readonly lora: string | null;
  /** Whether the prompts carried a cache salt; the salt itself is a secret. */
  readonly salted: boolean;
  readonly prefixes: readonly NodeView[];
  /** There are nodes beyond the limit. */
  readonly more: boolean;
}

export interface TreeView {
  readonly nodes: number;
  readonly storedTokens: number;
  readonly namespaces: readonly NamespaceView[];
  /** There are namespaces beyond the limit. */
  readonly more: boolean;
  /** Where each pod is known by itself, and no tree joins them: what it holds. */
  readonly pods?: readonly { readonly name: string; readonly storedTokens: number }[];
}

/** At most `limit` namespaces, the oldest first, and in each as many nodes, those nearest the root first. */
export function viewTree(tree: RadixTree, limit: number, nowMs: number): TreeView {
  const namespaces: NamespaceView[] = [];
  for (const [namespace, root] of tree.roots) {
    if (namespaces.length === limit) break;
    const { model, lora, cacheSalt } = partsOf(namespace);
    namespaces.push({
      model,
      lora: lora ?? null,
      salted: cacheSalt !== undefined,
      ...breadthFirst(root, limit, (node) => ({
        children: node.children?.values() ?? [],
        view: {
          contextTokens: node.contextTokens,
          edgeTokens: node.edgeTokens,
          pods: node.claims.map(({ holder, lastUsedMs }) => ({
            name: holder.name,
            idleMs: Math.round(nowMs - lastUsedMs),
          })),
          children: node.children?.size ?? 0,
        },
      })),
    });
  }
  const { nodes, storedTokens } = tree;
  return { nodes, storedTokens, namespaces, more: tree.roots.size > namespaces.length };
}

/** The nodes below `root`, as `look` shows them; those it shows no view of stand aside for their children. */
export function breadthFirst<T>(
  root: T,
  limit: number,
  look: (node: T) => Look<T>,
): Pick<NamespaceView, "prefixes" | "more"> {
  const prefixes: NodeView[] = [];
  const queue: { readonly node: T; readonly parent: number | null }[] = [];
  for (const node of look(root).children) queue.push({ node, parent: null });
  for (const { node, parent } of queue) {
    const { children, view } = look(node);
    if (view !== undefined && prefixes.length === limit) return { prefixes, more: true };
    if (view !== undefined) prefixes.push({ ...view, parent });
    const above = view === undefined ? parent : prefixes.length - 1;
    for (const child of children) queue.push({ node: child, parent: above });
  }
  return { prefixes, more: false };
}
