/**
 * What the router counts, as a Prometheus page. Labels are pods, statuses and reasons, never anything a client can invent
 * (smg #1679); series of a pod that is gone go with it (production-stack #936).
 */
import type { DecisionRecord, Outcome } from "../../../fixtures/routing.ts";
import { writePrometheusText, type MetricFamily, type Sample } from "../../../fixtures/wire/prometheus-text.ts";

const RATIO_BUCKETS = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];
const DECISION_SECONDS_BUCKETS = [1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 0.1, 1];

/** What is true now and not counted. */
export interface RouterState {
  readonly pods: readonly { readonly name: string; readonly state: string; readonly inFlight: number }[];
  /** Absent for strategies without an index. */
  readonly index?: { readonly nodes: number; readonly storedTokens: number } | undefined;
}

export class RouterMetrics {
  readonly #answers = new Counter("status", "pod");
  readonly #attempts = new Counter("outcome", "pod");
  readonly #decisions = new Counter("reason");
  readonly #retries = new Counter();
  readonly #matched = new Histogram(RATIO_BUCKETS);
  readonly #decisionSeconds = new Histogram(DECISION_SECONDS_BUCKETS);

  decided(decision: DecisionRecord, tookSeconds: number): void {
    this.#decisions.add(decision.reason);
    this.#decisionSeconds.observe(tookSeconds);
    if (decision.pod !== null) this.#matched.observe(decision.ratio);
  }

  /** An answer began: by a pod, or the router's own (no pod). */
  answered(status: number, pod: string): void {
    this.#answers.add(String(status), pod);
  }

  /** The client left before any answer began. */
  unanswered(pod: string): void {
    this.#answers.add("client-left", pod);
  }

  attemptEnded(pod: string, outcome: Outcome): void {
    this.#attempts.add(outcome, pod);
  }

  retried(): void {
    this.#retries.add();
  }

  podRemoved(pod: string): void {
    this.#answers.forget("pod", pod);
    this.#attempts.forget("pod", pod);
  }

  page({ pods, index }: RouterState): string {
    const prefix = "routeproof_router_";
    const gauge = (name: string, help: string, samples: Omit<Sample, "name">[]): MetricFamily => ({
      name: prefix + name,
      type: "gauge",
      help,
      samples: samples.map((sample) => ({ name: prefix + name, ...sample })),
    });
    return writePrometheusText([
      this.#answers.family(`${prefix}requests_total`, "Answers begun, by status and by the pod that gave them."),
      this.#attempts.family(`${prefix}attempts_total`, "Requests sent to a pod, by how they ended."),
      this.#decisions.family(`${prefix}decisions_total`, "Decisions, by reason."),
      this.#retries.family(`${prefix}retries_total`, "Requests sent to another pod after one failed."),
      this.#matched.family(`${prefix}matched_ratio`, "Share of the prompt that some ready pod was believed to hold."),
      this.#decisionSeconds.family(`${prefix}decision_seconds`, "Time a decision took, tokenising included."),
      gauge(
        "in_flight",
        "Requests a pod is working on.",
        pods.map(({ name, inFlight }) => ({ labels: { pod: name }, value: inFlight })),
      ),
      gauge(
        "pod_ready",
        "1 when requests go to the pod.",
        pods.map(({ name, state }) => ({ labels: { pod: name }, value: state === "healthy" ? 1 : 0 })),
      ),
      ...(index === undefined
        ? []
        : [
            gauge("index_nodes", "Nodes of the prefix index.", [{ labels: {}, value: index.nodes }]),
            gauge("index_tokens", "Tokens the prefix index stores.", [{ labels: {}, value: index.storedTokens }]),
          ]),
    ]);
  }
}

class Counter {
  readonly #labels: readonly string[];
  readonly #series = new Map<string, { readonly labels: Record<string, string>; value: number }>();

  constructor(...labels: string[]) {
    this.#labels = labels;
  }

  add(...values: string[]): void {
    const key = values.join("\0");
    const series = this.#series.get(key);
    if (series !== undefined) series.value++;
    else {
      const labels = Object.fromEntries(this.#labels.map((label, index) => [label, values[index] ?? ""]));
      this.#series.set(key, { labels, value: 1 });
    }
  }

  forget(label: string, value: string): void {
    for (const [key, { labels }] of this.#series) if (labels[label] === value) this.#series.delete(key);
  }

  family(name: string, help: string): MetricFamily {
    return { name, type: "counter", help, samples: [...this.#series.values()].map((series) => ({ name, ...series })) };
  }
}

class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = Array.from({ length: bounds.length + 1 }, () => 0);
  }

  observe(value: number): void {
    const found = this.#bounds.findIndex((bound) => value <= bound);
    const bucket = found < 0 ? this.#bounds.length : found;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#sum += value;
  }

  family(name: string, help: string): MetricFamily {
    let total = 0;
    const buckets = this.#counts.map((count, index) => {
      const bound = this.#bounds[index];
      return {
        name: `${name}_bucket`,
        labels: { le: bound === undefined ? "+Inf" : String(bound) },
        value: (total += count),
      };
    });
    const samples = [
      ...buckets,
      { name: `${name}_count`, labels: {}, value: total },
      { name: `${name}_sum`, labels: {}, value: this.#sum },
    ];
    return { name, type: "histogram", help, samples };
  }
}
