/** What the endpoints of one pod share. */
import type { ModelTokenizer } from "../../fixtures/tokenizer/model-tokenizer.ts";
import type { EngineGate } from "./engine-gate.ts";
import type { GenerationHub } from "./generation/generation-hub.ts";
import type { Model } from "./generation/model-answer.ts";
import type { ModelRegistry } from "./model-registry.ts";
import type { ServeSettings } from "./serve-settings.ts";

/** Where a pod publishes KV events, with the ports it really has. */
export interface KvEndpoints {
  readonly endpoint: string;
  readonly replayEndpoint: string | undefined;
}

export interface PodContext {
  readonly settings: ServeSettings;
  readonly tokenizer: ModelTokenizer;
  readonly engine: EngineGate;
  readonly hub: GenerationHub;
  readonly model: Model;
  readonly models: ModelRegistry;
  readonly state: PodState;
  /** Undefined while nothing is published. */
  readonly publishedAt: () => KvEndpoints | undefined;
}

/** What dev endpoints and signals change. */
export interface PodState {
  paused: boolean;
  /** What sleeps: parts of the memory, or only the scheduling. */
  asleep: readonly string[];
  /** As those who change the weights call them. */
  weightVersion: string;
  /** SIGTERM was received and running requests are given time: new ones are answered with 500. */
  draining: boolean;
  /** The engine has ended, and the port is closed: only what was half received by then still comes. */
  ended: boolean;
  /** Generation calls in progress, for `/load`. */
  load: number;
}
