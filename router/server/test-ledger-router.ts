/** A decision for the shell's tests: the first ready pod in list order, and a ledger of what was opened and closed. */
import type { DecisionRecord, FunctionRouter, Outcome, RoutedPod, RouteRequest } from "../../fixtures/routing.ts";

export class LedgerRouter implements FunctionRouter {
  pods: readonly RoutedPod[] = [];
  readonly decided: RouteRequest[] = [];
  readonly outcomes: Outcome[] = [];
  readonly firstTokens: string[] = [];
  /** By request id: a key that is closed twice or never opened throws. */
  readonly open = new Map<string, string>();
  /** Every set of pods it was told about. */
  readonly history: (readonly string[])[] = [];

  setPods(pods: readonly RoutedPod[]): void {
    this.pods = pods;
    this.history.push(pods.map(({ name }) => name));
  }

  decide(request: RouteRequest, nowMs: number, exclude?: ReadonlySet<string>): DecisionRecord {
    const able = this.pods.filter(
      ({ name, models }) => !exclude?.has(name) && (models?.includes(request.model) ?? true),
    );
    const pod = able[0]?.name ?? null;
    if (pod !== null) {
      if (this.open.has(request.requestId)) throw new Error(`${request.requestId} decided while in flight`);
      this.open.set(request.requestId, pod);
      this.decided.push(request);
    }
    return {
      requestId: request.requestId,
      model: request.model,
      strategy: "first",
      reason: pod === null ? "rejected" : "cost",
      pod,
      matchedTokens: 0,
      totalTokens: request.prompt.length,
      ratio: 0,
      threshold: 0.5,
      candidates: able.map(({ name }) => ({ pod: name, matchedTokens: 0, load: 0, costSeconds: 0 })),
      atMs: nowMs,
    };
  }

  firstToken(requestId: string): void {
    this.firstTokens.push(requestId);
  }

  finished(requestId: string, outcome: Outcome): void {
    if (!this.open.delete(requestId)) throw new Error(`${requestId} finished twice or never decided`);
    this.outcomes.push(outcome);
  }

  tick(): void {}
}
