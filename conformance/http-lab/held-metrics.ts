/** Requests that the kit holds open are running, as far as a router can see: the metrics page must say so too. */
import { parsePrometheusText, writePrometheusText } from "../../fixtures/wire/prometheus-text.ts";

const RUNNING = "vllm:num_requests_running";

export function withHeldRequests(page: string, held: number): string {
  return writePrometheusText(
    parsePrometheusText(page).map((family) =>
      family.name === RUNNING
        ? { ...family, samples: family.samples.map((sample) => ({ ...sample, value: sample.value + held })) }
        : family,
    ),
  );
}
