/**
 * `vllm:lora_requests_info`: which adapters run and wait, as label lists; the value is the unix time at which that was
 * last so, and a reader takes the newest series.
 *
 * vLLM 0.32 names the same adapters in both lists (`LoRARequestStates` in `vllm/v1/metrics/stats.py`, and as recorded):
 * those with a request that has had its first token and has not ended. Of one that only waits it has not heard yet.
 */
import { familyHead, formatValue, seriesName } from "../../fixtures/wire/prometheus-text.ts";

const NAME = "vllm:lora_requests_info";

export class LoraInfo {
  readonly #maxLoras: number;
  readonly #unixSeconds: () => number;
  readonly #series = new Map<string, number>();
  /** Requests of each adapter that have had a token. */
  readonly #speaking = new Map<string, number>();

  constructor(maxLoras: number, unixSeconds: () => number) {
    this.#maxLoras = maxLoras;
    this.#unixSeconds = unixSeconds;
    this.stepped();
  }

  firstToken(adapter: string): void {
    this.#speaking.set(adapter, (this.#speaking.get(adapter) ?? 0) + 1);
  }

  /** A request that has had a token ended. */
  ended(adapter: string): void {
    const left = (this.#speaking.get(adapter) ?? 0) - 1;
    if (left > 0) this.#speaking.set(adapter, left);
    else this.#speaking.delete(adapter);
  }

  stepped(): void {
    const adapters = [...this.#speaking.keys()].join(",");
    const series = seriesName(NAME, {
      max_lora: String(this.#maxLoras),
      running_lora_adapters: adapters,
      waiting_lora_adapters: adapters,
    });
    this.#series.set(series, this.#unixSeconds());
  }

  render(): string {
    const lines = [...this.#series].map(([series, seconds]) => `${series} ${formatValue(seconds)}\n`);
    return familyHead(NAME, "gauge", "Adapters running and waiting, as labels.") + lines.join("");
  }
}
