/** A reference router for the tests of known bugs, with a few shorthands. */
import type { DecisionRecord, Outcome, RoutedPod, RouteRequest } from "../../../fixtures/routing.ts";
import { createFunctionRouter, type FunctionRouterOptions, type ReferenceRouter } from "../function-router.ts";

export const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** Requests stay in flight until `end`. */
export class Subject {
  readonly router: ReferenceRouter;
  nowMs = 0;
  #requests = 0;

  constructor(pods: readonly (string | RoutedPod)[], options: Partial<FunctionRouterOptions> = {}) {
    this.router = createFunctionRouter({ seed: 1, defaultGpu: "a6000", tokenizer: { encode: () => [] }, ...options });
    this.pods(...pods);
  }

  pods(...pods: readonly (string | RoutedPod)[]): void {
    this.router.setPods(
      pods.map((pod) => (typeof pod === "string" ? { name: pod } : pod)),
      this.nowMs,
    );
  }

  send(prompt: string | number[], more: Partial<RouteRequest> & { readonly exclude?: string[] } = {}): DecisionRecord {
    const { exclude, ...request } = more;
    const requestId = String(this.#requests++);
    return this.router.decide({ requestId, model: "m", prompt, ...request }, this.nowMs, new Set(exclude));
  }

  /** On that pod, whatever the rule says. */
  sendTo(pod: string, prompt: string | number[], more: Partial<RouteRequest> = {}): DecisionRecord {
    const exclude = this.router.pods().flatMap(({ name }) => (name === pod ? [] : [name]));
    return this.send(prompt, { ...more, exclude });
  }

  /** Tokens of the prompt that some pod is believed to hold; the asking leaves no trace. */
  match(prompt: string | number[], more: Partial<RouteRequest> = {}): number {
    const record = this.send(prompt, more);
    this.end(record, "error");
    return record.matchedTokens;
  }

  end({ requestId }: DecisionRecord, outcome: Outcome = "ok"): void {
    this.router.finished(requestId, outcome, this.nowMs);
  }

  inFlight(): Record<string, number> {
    return Object.fromEntries(this.router.pods().map(({ name, inFlight }) => [name, inFlight]));
  }
}
