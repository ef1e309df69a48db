/** How busy each pod is, by the signal the rule names. */
import type { Fault } from "./fault.ts";
import type { RuleOptions } from "./rule.ts";

interface Counted {
  readonly model: string;
  readonly chars: number;
  readonly atMs: number;
}

export class PodLoads {
  readonly #rule: RuleOptions;
  readonly #is: (fault: Fault) => boolean;
  readonly #pods = new Set<string>();
  readonly #inFlight = new Map<string, number>();
  readonly #reported = new Map<string, number>();
  #window: (Counted & { readonly pod: string })[] = [];

  constructor(rule: RuleOptions, is: (fault: Fault) => boolean) {
    this.#rule = rule;
    this.#is = is;
  }

  started(pod: string, request: Counted): void {
    this.#pods.add(pod);
    this.#count(pod, request.model, 1);
    this.#window.push({ pod, ...request });
  }

  ended(pod: string, model: string): void {
    this.#count(pod, model, this.#is("ends-counted-twice") ? -2 : -1);
  }

  reset(): void {
    this.#inFlight.clear();
    this.#window = [];
  }

  /** All that ever had a load. */
  pods(): readonly string[] {
    return [...this.#pods];
  }

  /** What the pod last said of itself. */
  report(pod: string, load: number): void {
    this.#reported.set(pod, load);
  }

  forget(nowMs: number): void {
    this.#window = this.#window.filter(({ atMs }) => atMs > nowMs - this.#windowMs());
  }

  of(pod: string, nowMs: number, model: string): number {
    switch (this.#rule.load) {
      case "none":
        return 0;
      case "in-flight":
        return Math.min(this.#inFlight.get(this.#placeOf(pod, model)) ?? 0, this.#is("counts-to-eight") ? 8 : Infinity);
      case "reported":
        // A pod that has said nothing is not idle for that.
        return this.#reported.get(pod) ?? Number.MAX_SAFE_INTEGER;
      case "window":
        return this.#recent(pod, nowMs, model).length;
      case "window-chars":
        return this.#recent(pod, nowMs, model).reduce((sum, { chars }) => sum + chars, 0);
    }
  }

  #recent(pod: string, nowMs: number, model: string): readonly Counted[] {
    const place = this.#placeOf(pod, model);
    return this.#window.filter(
      (entry) => this.#placeOf(entry.pod, entry.model) === place && entry.atMs > nowMs - this.#windowMs(),
    );
  }

  #count(pod: string, model: string, by: number): void {
    const place = this.#placeOf(pod, model);
    this.#inFlight.set(place, (this.#inFlight.get(place) ?? 0) + by);
  }

  #placeOf(pod: string, model: string): string {
    return this.#is("counts-each-model-alone") ? `${pod} ${model}` : pod;
  }

  #windowMs(): number {
    if (this.#is("window-never-forgets")) return Infinity;
    return this.#rule.windowMs * (this.#is("window-halved") ? 0.5 : this.#is("window-doubled") ? 2 : 1);
  }
}
