/**
 * AIBrix's `prefix-cache`: chained block hashes instead of a tree, balance before affinity.
 *
 * While the busiest pod runs more than 8 requests more than the least busy, only the least busy are considered. Among the
 * considered the longest run of known blocks from the start wins, if its pod runs at most the mean plus one standard
 * deviation; the next longest otherwise; where none is left, the fewest requests in flight.
 */
import { blockHashes } from "../block-hash.ts";
import { namespaceOf } from "../prefix-tree/namespace.ts";
import { PerPod } from "../per-pod.ts";
import type { TreeView } from "../prefix-tree/tree-view.ts";
import { least, type Assessment, type Placed, type Prompt, type ReadyPod, type Strategy } from "./strategy.ts";

export interface PrefixHashOptions {
  readonly ttlMs: number;
  /** Of all pods together; shared out evenly. */
  readonly capacityTokens: number;
}

/** vLLM's default; AIBrix hashes 4 bytes at a time unless told otherwise. */
const BLOCK_TOKENS = 16;
const IMBALANCE_REQUESTS = 8;

interface Block {
  readonly model: string;
  /** Requests that rest on it: it goes when the last of them turns out to have failed. */
  uses: number;
  lastUsedMs: number;
}

/** A pod's blocks, stalest first: a Map keeps the order in which keys were set. */
type Blocks = Map<number, Block>;

export class PrefixHash implements Strategy {
  readonly name = "prefix-hash";
  readonly #options: PrefixHashOptions;
  readonly #blocks = new PerPod<Blocks>();

  constructor(options: PrefixHashOptions) {
    this.#options = options;
  }

  podAdded(pod: ReadyPod): void {
    this.#blocks.add(pod, new Map());
  }

  podRemoved(pod: ReadyPod): void {
    this.#blocks.remove(pod);
  }

  forget(pod: ReadyPod, keptModels: readonly string[] = []): void {
    const blocks = this.#blocks.of(pod);
    for (const [hash, { model }] of blocks) if (!keptModels.includes(model)) blocks.delete(hash);
  }

  assess({ request, tokens }: Prompt, pods: readonly ReadyPod[], nowMs: number): Assessment {
    const hashes = blockHashes(namespaceOf(request), tokens, BLOCK_TOKENS);
    const views = pods.map((pod) => {
      const blocks = this.#blocks.of(pod);
      const firstUnknown = hashes.findIndex((hash) => !blocks.has(hash));
      return { pod, matchedTokens: (firstUnknown < 0 ? hashes.length : firstUnknown) * BLOCK_TOKENS };
    });
    const loads = pods.map((pod) => pod.inFlight);
    const isBalanced = Math.max(...loads) - Math.min(...loads) <= IMBALANCE_REQUESTS;
    const considered = isBalanced ? views : least(views, ({ pod }) => pod.inFlight);
    const limit = meanPlusDeviation(loads);
    const warm = considered.filter(({ pod, matchedTokens }) => matchedTokens > 0 && pod.inFlight <= limit);
    const longest = least(warm, (view) => -view.matchedTokens);
    const allowed = least(longest.length > 0 ? longest : considered, ({ pod }) => pod.inFlight);
    return {
      reason: longest.length > 0 ? "prefix" : "load",
      allowed: allowed.map(({ pod }) => pod),
      matchedTokens: Math.max(...views.map((view) => view.matchedTokens)),
      totalTokens: tokens.length,
      candidates: views.map((view) => ({ ...view, pod: view.pod.name, load: view.pod.inFlight, costSeconds: 0 })),
      place: (pod) => this.#place(pod, request.model, hashes, nowMs),
    };
  }

  tick(nowMs: number): void {
    for (const blocks of this.#blocks.values()) {
      for (const [hash, { lastUsedMs }] of blocks) {
        if (nowMs - lastUsedMs <= this.#options.ttlMs) break;
        blocks.delete(hash);
      }
    }
  }

  view(): TreeView {
    const pods = [...this.#blocks.entries()].map(([{ name }, blocks]) => ({ name, blocks: blocks.size }));
    const nodes = pods.reduce((sum, { blocks }) => sum + blocks, 0);
    return {
      nodes,
      storedTokens: nodes * BLOCK_TOKENS,
      namespaces: [],
      more: false,
      pods: pods.map(({ name, blocks }) => ({ name, storedTokens: blocks * BLOCK_TOKENS })),
    };
  }

  #place(pod: ReadyPod, model: string, hashes: readonly number[], nowMs: number): Placed {
    const blocks = this.#blocks.of(pod);
    // From the tail, so that the head of a prompt is fresher and outlives it.
    const used = hashes.toReversed().map((hash) => {
      const block = blocks.get(hash) ?? { model, uses: 0, lastUsedMs: nowMs };
      block.uses++;
      block.lastUsedMs = nowMs;
      blocks.delete(hash);
      blocks.set(hash, block);
      return [hash, block] as const;
    });
    const limit = Math.floor(this.#options.capacityTokens / BLOCK_TOKENS / this.#blocks.size);
    for (const hash of blocks.keys()) {
      if (blocks.size <= limit) break;
      blocks.delete(hash);
    }
    return {
      finished: (computed) => {
        if (computed) return;
        for (const [hash, block] of used) {
          // Forgotten and learnt anew it is another block.
          if (--block.uses === 0 && blocks.get(hash) === block) blocks.delete(hash);
        }
      },
    };
  }
}

/** With the sample deviation (n - 1), as AIBrix computes it. */
function meanPlusDeviation(loads: readonly number[]): number {
  const mean = loads.reduce((sum, load) => sum + load, 0) / loads.length;
  const squares = loads.reduce((sum, load) => sum + (load - mean) ** 2, 0);
  return mean + Math.sqrt(squares / Math.max(1, loads.length - 1));
}
