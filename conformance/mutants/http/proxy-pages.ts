/** What the proxy shows of itself: whether it is ready, and the answers it has passed on. */
import type { RoutedPod } from "../../../fixtures/routing.ts";
import { writePrometheusText, type Sample } from "../../../fixtures/wire/prometheus-text.ts";

export const ANSWERS = "proxy_answers_total";

export class ProxyPages {
  readonly #counts = new Map<string, { readonly labels: Readonly<Record<string, string>>; value: number }>();

  answered(status: number, pod: string): void {
    const labels = { pod, status: String(status) };
    const series = this.#counts.get(JSON.stringify(labels)) ?? { labels, value: 0 };
    series.value++;
    this.#counts.set(JSON.stringify(labels), series);
  }

  models(pods: readonly RoutedPod[]): string {
    const ids = [...new Set(pods.flatMap(({ models = [] }) => models))];
    return JSON.stringify({
      object: "list",
      data: ids.map((id) => ({ id, object: "model", created: 0, owned_by: "vllm" })),
    });
  }

  metrics(): string {
    const samples = [...this.#counts.values()].map((series): Sample => ({ name: ANSWERS, ...series }));
    return writePrometheusText([{ name: ANSWERS, type: "counter", help: "Answers passed on.", samples }]);
  }
}
