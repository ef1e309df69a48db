/** What the engine has, and does where no flag tells it otherwise. */
import type { KvEventFormat } from "../../fixtures/wire/kv-events.ts";
import type { ByVersion } from "./version.ts";

export interface EngineProfile {
  /** The engine V0 left it off. */
  readonly prefixCaching: boolean;
  /** As `/metrics` shows it; the capacity of a card is computed with the card's own. */
  readonly gpuMemoryUtilizationRatio: number;
  /** `--max-num-queued-reqs` and `--max-num-queued-tokens` came with 0.29. */
  readonly queueCaps: boolean;
  /** None before 0.9; maps from 0.23 on (#42892), arrays before. */
  readonly kvEvents: KvEventFormat | undefined;
}

export const ENGINES: ByVersion<EngineProfile> = {
  "0.7": { prefixCaching: false, gpuMemoryUtilizationRatio: 0.9, queueCaps: false, kvEvents: undefined },
  "0.10": { prefixCaching: true, gpuMemoryUtilizationRatio: 0.9, queueCaps: false, kvEvents: "array" },
  "0.28": { prefixCaching: true, gpuMemoryUtilizationRatio: 0.92, queueCaps: false, kvEvents: "map" },
  "0.32": { prefixCaching: true, gpuMemoryUtilizationRatio: 0.92, queueCaps: true, kvEvents: "map" },
};
