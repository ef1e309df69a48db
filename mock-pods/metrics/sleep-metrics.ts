/** Sleep mode's own families, which appear with the first `/sleep` or `/wake_up`. */
import { familyHead, formatValue, seriesName } from "../../fixtures/wire/prometheus-text.ts";

const DURATION = "vllm:sleep_mode_operation_duration_seconds";
const IN_FLIGHT = "vllm:sleep_mode_operations_in_flight";
const BOUNDS = [0.01, 0.1, 1, 10, 30, 60, 120, 300, 600, Infinity];

export type SleepOperation = "sleep" | "wake" | "release_kv_cache_memory";

interface Operation {
  readonly createdSeconds: number;
  readonly durationsSeconds: number[];
}

export class SleepMetrics {
  readonly #operations = new Map<string, Operation>();
  readonly #unixSeconds: () => number;

  constructor(unixSeconds: () => number) {
    this.#unixSeconds = unixSeconds;
  }

  done(operation: SleepOperation, durationMs: number): void {
    let found = this.#operations.get(operation);
    if (found === undefined) {
      this.#operations.set(operation, (found = { createdSeconds: this.#unixSeconds(), durationsSeconds: [] }));
    }
    found.durationsSeconds.push(durationMs / 1000);
  }

  render(): string {
    if (this.#operations.size === 0) return "";
    const help = "Duration of a sleep-mode operation.";
    let page = familyHead(DURATION, "histogram", help);
    for (const [operation, { durationsSeconds }] of this.#operations) {
      for (const bound of BOUNDS) {
        const within = durationsSeconds.filter((seconds) => seconds <= bound).length;
        page += line(`${DURATION}_bucket`, { operation, le: formatValue(bound) }, within);
      }
      page += line(`${DURATION}_count`, { operation }, durationsSeconds.length);
      page += line(
        `${DURATION}_sum`,
        { operation },
        durationsSeconds.reduce((sum, seconds) => sum + seconds, 0),
      );
    }
    page += familyHead(`${DURATION}_created`, "gauge", help);
    for (const [operation, { createdSeconds }] of this.#operations) {
      page += line(`${DURATION}_created`, { operation }, createdSeconds);
    }
    page += familyHead(IN_FLIGHT, "gauge", "Sleep-mode operations under way.");
    for (const operation of this.#operations.keys()) page += line(IN_FLIGHT, { operation }, 0);
    return page;
  }
}

function line(name: string, labels: Readonly<Record<string, string>>, value: number): string {
  return `${seriesName(name, labels)} ${formatValue(value)}\n`;
}
