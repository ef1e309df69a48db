/**
 * `vllm:lora_requests_info`: which adapters run and wait, as label lists; the value is the unix time at which that was
 * last so, and a reader takes the newest series. A running adapter stands in both lists (vLLM 0.32 as recorded).
 */
import { familyHead, formatValue, seriesName } from "../../fixtures/wire/prometheus-text.ts";

const NAME = "vllm:lora_requests_info";

export class LoraInfo {
  readonly #maxLoras: number;
  readonly #unixSeconds: () => number;
  readonly #series = new Map<string, number>();
  /** Requests per adapter: all that are live, and those admitted at least once. */
  readonly #live = new Map<string, number>();
  readonly #running = new Map<string, number>();

  constructor(maxLoras: number, unixSeconds: () => number) {
    this.#maxLoras = maxLoras;
    this.#unixSeconds = unixSeconds;
    this.stepped();
  }

  waiting(adapter: string): void {
    change(this.#live, adapter, 1);
  }

  admitted(adapter: string): void {
    change(this.#running, adapter, 1);
  }

  ended(adapter: string, wasAdmitted: boolean): void {
    change(this.#live, adapter, -1);
    if (wasAdmitted) change(this.#running, adapter, -1);
  }

  stepped(): void {
    const series = seriesName(NAME, {
      max_lora: String(this.#maxLoras),
      running_lora_adapters: [...this.#running.keys()].join(","),
      waiting_lora_adapters: [...this.#live.keys()].join(","),
    });
    this.#series.set(series, this.#unixSeconds());
  }

  render(): string {
    const lines = [...this.#series].map(([series, seconds]) => `${series} ${formatValue(seconds)}\n`);
    return familyHead(NAME, "gauge", "Adapters running and waiting, as labels.") + lines.join("");
  }
}

function change(counts: Map<string, number>, adapter: string, by: number): void {
  const count = (counts.get(adapter) ?? 0) + by;
  if (count > 0) counts.set(adapter, count);
  else counts.delete(adapter);
}
