/** What a metrics page looks like when a pod, or what scrapes it, is not well. */
import { parsePrometheusText, writePrometheusText, type MetricFamily } from "../../fixtures/wire/prometheus-text.ts";
import type { FaultOf } from "./fault.ts";

/** The page under a fault that changes what it says; slow, stale and error are the server's business. */
export function corruptPage(page: string, { how, families = ["vllm:"] }: FaultOf<"metrics">): string {
  const struck = ({ name }: MetricFamily) => families.some((family) => name.startsWith(family));
  switch (how) {
    case "blank":
      return "";
    case "missing":
      return writePrometheusText(parsePrometheusText(page).filter((family) => !struck(family)));
    case "nan":
      return writePrometheusText(
        parsePrometheusText(page).map((family) =>
          struck(family) ? { ...family, samples: family.samples.map((sample) => ({ ...sample, value: NaN })) } : family,
        ),
      );
    case "stale":
    case "slow":
    case "error":
      return page;
  }
}
