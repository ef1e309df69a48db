/** What the router reads off a pod's metrics page. */
import { parsePrometheusText, type Sample } from "../../../fixtures/wire/prometheus-text.ts";

export interface PodFigures {
  /** Referenced KV blocks over all, 0 to 1. Of several engines or models behind one address, the fullest. */
  readonly kvUsageRatio?: number;
  /** When the process started, in seconds since the epoch: another time is another process, with an empty cache. */
  readonly startedSeconds?: number;
}

/** The name since 0.9, and the one before. */
const KV_USAGE_NAMES = ["vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"];

/** What is missing, odd or out of range is left out, as is all of a page that is none: unknown is neither idle nor full. */
export function podFigures(page: string): PodFigures {
  let samples: readonly Sample[];
  try {
    samples = parsePrometheusText(page).flatMap((family) => family.samples);
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
  const valuesOf = (name: string): number[] => samples.flatMap((one) => (one.name === name ? [one.value] : []));
  const usages = KV_USAGE_NAMES.map(valuesOf).find((values) => values.length > 0) ?? [];
  const isUsage = usages.length > 0 && usages.every((value) => value >= 0 && value <= 1);
  const [started] = valuesOf("process_start_time_seconds");
  return {
    ...(isUsage ? { kvUsageRatio: Math.max(...usages) } : {}),
    ...(started !== undefined && started > 0 ? { startedSeconds: started } : {}),
  };
}
