/** How busy each pod is, by the signal the rule names. */
import type { Fault } from "./fault.ts";
import type { RuleOptions } from "./rule.ts";

export class PodLoads {
  readonly #rule: RuleOptions;
  readonly #is: (fault: Fault) => boolean;
  readonly #inFlight = new Map<string, number>();
  readonly #reported = new Map<string, number>();
  #window: { readonly pod: string; readonly atMs: number; readonly chars: number }[] = [];

  constructor(rule: RuleOptions, is: (fault: Fault) => boolean) {
    this.#rule = rule;
    this.#is = is;
  }

  started(pod: string, chars: number, nowMs: number): void {
    this.#inFlight.set(pod, (this.#inFlight.get(pod) ?? 0) + 1);
    this.#window.push({ pod, atMs: nowMs, chars });
  }

  ended(pod: string): void {
    const once = this.#is("ends-counted-twice") ? 2 : 1;
    this.#inFlight.set(pod, (this.#inFlight.get(pod) ?? 0) - once);
  }

  /** All that ever had a load. */
  pods(): readonly string[] {
    return [...this.#inFlight.keys()];
  }

  /** What the pod last said of itself. */
  report(pod: string, load: number): void {
    this.#reported.set(pod, load);
  }

  forget(nowMs: number): void {
    this.#window = this.#window.filter(({ atMs }) => atMs > nowMs - this.#windowMs());
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
    return this.#window.filter((entry) => entry.pod === pod && entry.atMs > nowMs - this.#windowMs());
  }

  #windowMs(): number {
    if (this.#is("window-never-forgets")) return Infinity;
    return this.#rule.windowMs * (this.#is("window-halved") ? 0.5 : 1);
  }
}
