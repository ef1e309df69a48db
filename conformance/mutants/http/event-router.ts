/** Routes by what pods say they have cached: to the least busy of those that hold the most, else to the least busy of all. */
import type { DecisionRecord, RoutedPod, RouteRequest } from "../../../fixtures/routing.ts";
import type { ReportedBlocks } from "./reported-blocks.ts";
import type { ProxyRouter } from "./right-proxy.ts";

const THRESHOLD = 0.5;

export class EventRouter implements ProxyRouter {
  readonly #blocks: ReportedBlocks;
  #pods: readonly RoutedPod[] = [];
  /** Pod of each request under way. */
  readonly #open = new Map<string, string>();
  readonly #tokens = new Map<unknown, readonly number[]>();

  constructor(blocks: ReportedBlocks) {
    this.#blocks = blocks;
  }

  setPods(pods: readonly RoutedPod[]): void {
    this.#pods = pods;
  }

  /** For the requests with this prompt that are decided next. */
  knowTokens(prompt: string, tokens: readonly number[]): void {
    this.#tokens.set(prompt, tokens);
  }

  decide(request: RouteRequest, nowMs: number, exclude?: ReadonlySet<string>): DecisionRecord {
    const serving = this.#pods.filter(({ models }) => models?.includes(request.model) !== false);
    const pods = serving.map(({ name }) => name).filter((pod) => exclude?.has(pod) !== true);
    const tokens = this.#tokens.get(request.prompt) ?? [];
    const held = new Map(pods.map((pod) => [pod, this.#blocks.heldTokens(pod, tokens)]));
    const matchedTokens = Math.max(0, ...held.values());
    const follows = matchedTokens > THRESHOLD * tokens.length;
    const pod = this.#leastBusy(follows ? pods.filter((each) => held.get(each) === matchedTokens) : pods);
    if (pod !== null) this.#open.set(request.requestId, pod);
    return {
      requestId: request.requestId,
      model: request.model,
      strategy: "kv-events",
      reason: pod === null ? "rejected" : follows ? "prefix" : "cost",
      pod,
      matchedTokens,
      totalTokens: tokens.length,
      ratio: tokens.length === 0 ? 0 : matchedTokens / tokens.length,
      threshold: THRESHOLD,
      candidates: [],
      atMs: nowMs,
    };
  }

  finished(requestId: string): void {
    this.#open.delete(requestId);
  }

  report(): void {
    // What pods report of their load is nothing to it.
  }

  #leastBusy(pods: readonly string[]): string | null {
    const load = (pod: string): number => [...this.#open.values()].filter((other) => other === pod).length;
    return pods.reduce<string | null>((a, b) => (a === null || load(b) < load(a) ? b : a), null);
  }
}
