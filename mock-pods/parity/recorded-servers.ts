/** The three servers of the recording as pods: vLLM's own flags and environment. */
import type { FleetOptions } from "../pod/pod.ts";
import type { RecordedExchange } from "./recorded-exchange.ts";

export const RECORDED_TOKENIZER = new URL("../../fixtures/recordings/tokenizer", import.meta.url).pathname;

const COMMON = {
  pods: "a6000:1",
  model: "tiny-model",
  tokenizer: RECORDED_TOKENIZER,
  // Fast, but slow enough that a client sees a stream begin before it ends.
  speed: 4,
} as const;

export const RECORDED_SERVERS: Readonly<Record<RecordedExchange["server"], FleetOptions>> = {
  A: {
    ...COMMON,
    environment: { VLLM_SERVER_DEV_MODE: "1" },
    flags: {
      "max-model-len": 2048,
      "num-gpu-blocks-override": 65_536,
      "enable-prompt-tokens-details": true,
      "enable-request-id-headers": true,
      "served-model-name": "tiny tiny-alias",
      "kv-events-config": JSON.stringify({
        enable_kv_cache_events: true,
        publisher: "zmq",
        endpoint: "tcp://127.0.0.1:5571",
        // 5572 when it was recorded; any free one here, so that runs beside each other do not collide.
        replay_endpoint: "tcp://127.0.0.1:0",
        topic: "kv@pod@tiny",
      }),
    },
  },
  B: {
    ...COMMON,
    environment: {},
    flags: {
      "max-model-len": 512,
      "num-gpu-blocks-override": 48,
      "max-num-seqs": 2,
      "served-model-name": "tiny",
      "api-key": "sk-oracle",
      "max-num-queued-reqs": 6,
      "max-num-queued-tokens": 600,
      "enable-server-load-tracking": true,
      "stream-interval": 4,
      "enable-force-include-usage": true,
      "kv-events-config": JSON.stringify({
        enable_kv_cache_events: true,
        publisher: "zmq",
        endpoint: "tcp://127.0.0.1:5573",
        replay_endpoint: "tcp://127.0.0.1:0",
      }),
    },
  },
  C: {
    ...COMMON,
    environment: { VLLM_ALLOW_RUNTIME_LORA_UPDATING: "1" },
    flags: {
      "max-model-len": 1024,
      "num-gpu-blocks-override": 65_536,
      "served-model-name": "tiny",
      "enable-scale-out": true,
      "enable-auto-tool-choice": true,
      "tool-call-parser": "hermes",
      "allowed-origins": '["*"]',
      "scheduling-policy": "priority",
      "enable-lora": true,
      "max-loras": 2,
      "max-num-seqs": 2,
      "enable-prompt-tokens-details": true,
      "shutdown-timeout": 20,
    },
  },
};
