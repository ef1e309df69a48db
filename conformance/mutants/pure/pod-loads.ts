/** How busy each pod is, by the signal the rule names. */
import type { RuleOptions } from "./rule.ts";

export class PodLoads {
  readonly #rule: RuleOptions;
  readonly #inFlight = new Map<string, number>();
  readonly #reported = new Map<string, number>();
  #window: { readonly pod: string; readonly atMs: number; readonly chars: number }[] = [];

  constructor(rule: RuleOptions) {
    this.#rule = rule;
  }

  started(pod: string, chars: number, nowMs: number): void {
    this.#inFlight.set(pod, (this.#inFlight.get(pod) ?? 0) + 1);
    this.#window.push({ pod, atMs: nowMs, chars });
  }

  ended(pod: string): void {
    this.#inFlight.set(pod, (this.#inFlight.get(pod) ?? 0) - 1);
  }

  /** What the pod last said of itself. */
  report(pod: string, load: number): void {
    this.#reported.set(pod, load);
  }

  forget(nowMs: number): void {
    this.#window = this.#window.filter(({ atMs }) => atMs > nowMs - this.#rule.windowMs);
  }

  of(pod: string, nowMs: number): number {
    switch (this.#rule.load) {
      case "none":
        return 0;
      case "in-flight":
        return this.#inFlight.get(pod) ?? 0;
      case "reported":
        // A pod that has said nothing is not idle for that.
        return this.#reported.get(pod) ?? Number.MAX_SAFE_INTEGER;
      case "window":
        return this.#recent(pod, nowMs).length;
      case "window-chars":
        return this.#recent(pod, nowMs).reduce((sum, { chars }) => sum + chars, 0);
    }
  }

  #recent(pod: string, nowMs: number): readonly { readonly chars: number }[] {
    return this.#window.filter((entry) => entry.pod === pod && entry.atMs > nowMs - this.#rule.windowMs);
  }
}
