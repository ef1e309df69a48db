/** The load report that a client may ask for with a request header (ORCA), on whole answers only. */
import { floatText } from "../../../fixtures/wire/validation/python-text.ts";
import type { HeaderPairs } from "../http/exchange.ts";
import type { PodContext } from "../pod-context.ts";

export function orcaHeaders(pod: PodContext, headers: Readonly<Record<string, string | undefined>>): HeaderPairs {
  const format = (headers["endpoint-load-metrics-format"] ?? "").toLowerCase();
  if (!pod.settings.version.answers.loadReports) return [];
  if (format !== "text" && format !== "json") return [];
  const { waiting, kvUsageRatio } = pod.engine.toldStats();
  const metrics = [
    ["num_requests_waiting", floatText(waiting)],
    ["kv_cache_usage_perc", floatText(kvUsageRatio)],
  ];
  const report =
    format === "text"
      ? `TEXT ${metrics.map(([name, value]) => `named_metrics.${name}=${value}`).join(", ")}`
      : `JSON {"named_metrics": {${metrics.map(([name, value]) => `"${name}": ${value}`).join(", ")}}}`;
  return [["endpoint-load-metrics", report]];
}
