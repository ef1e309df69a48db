/** What the proxy shows of itself: the answers it has passed on, the requests under way, and its models. */
import type { RoutedPod } from "../../../fixtures/routing.ts";
import { writePrometheusText, type Sample } from "../../../fixtures/wire/prometheus-text.ts";

export const ANSWERS = "proxy_answers_total";
export const UNDER_WAY = "proxy_requests_under_way";

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

  /** With the requests under way, by pod. */
  metrics(underWay: ReadonlyMap<string, number>): string {
    const samples = [...this.#counts.values()].map((series): Sample => ({ name: ANSWERS, ...series }));
    const open = [...underWay].map(([pod, value]): Sample => ({ name: UNDER_WAY, labels: { pod }, value }));
    return writePrometheusText([
      { name: ANSWERS, type: "counter", help: "Answers passed on.", samples },
      { name: UNDER_WAY, type: "gauge", help: "Requests under way.", samples: open },
    ]);
  }
}
