/** Arguments as they stand in people's manifests start a pod, or say why not. */
import { expect, it } from "vitest";
import { podSettings, DEFAULT_MODEL } from "./pod-settings.ts";
import { serveSettings } from "../server/serve-settings.ts";
import { readVllmArguments } from "./vllm-arguments.ts";

function start(line: string, environment: Readonly<Record<string, string>> = {}) {
  // Words in quotes stay together, as a shell reads them.
  const words = [...line.matchAll(/(?:'[^']*'|\S)+/g)].map(([word]) => word.replaceAll("'", ""));
  const { flags: all, model: named, warnings } = readVllmArguments(words);
  const { model = named ?? DEFAULT_MODEL, ...flags } = all;
  const settings = podSettings("a6000", String(model), flags, { environment, contextTokens: undefined });
  const { models, engine, kvEvents } = settings;
  return { models, engine, kvEvents, warnings, serve: serveSettings(settings) };
}

const MISTRAL = "mistralai/Mistral-7B-Instruct-v0.2";
const LLAMA = "meta-llama/Llama-3.1-8B-Instruct";

it.each([
  ["by hand", `vllm serve ${MISTRAL}`, { models: [MISTRAL], engine: { numGpuBlocks: 12_735, maxModelLen: 32_768 } }],
  [
    "Docker",
    `--model ${LLAMA} --dtype auto --max-model-len 8192 --gpu-memory-utilization 0.95 --enforce-eager --disable-log-stats`,
    { models: [LLAMA], engine: { numGpuBlocks: 13_200, maxModelLen: 8192 } },
  ],
  [
    "KServe",
    "--port=8080 --model=/mnt/models --served-model-name=llama3 --max_model_len=4k --max-num-batched-tokens=4096",
    { models: ["llama3"], engine: { maxModelLen: 4000, maxNumBatchedTokens: 4096, maxNumSeqs: 256 } },
  ],
  [
    "the production stack's Helm chart",
    `${LLAMA} --host 0.0.0.0 --port 8000 --no-enable-prefix-caching --max-model-len 16K --max-num-seqs 32 --trust-remote-code`,
    { engine: { prefixCaching: false, maxModelLen: 16_384, maxNumSeqs: 32 } },
  ],
  [
    "two cards",
    `${MISTRAL} -tp 2 --distributed-executor-backend mp -O3 --max-model-len auto`,
    { engine: { numGpuBlocks: 32_377, maxModelLen: 32_768 } },
  ],
  [
    "LoRA",
    `--enable-lora --lora-modules sql=/adapters/sql '{"name": "chat", "path": "/adapters/chat", "base_model_name": "m"}' --max-loras 4 ${MISTRAL}`,
    {
      serve: {
        lora: true,
        loraModules: [
          ["sql", "/adapters/sql"],
          ["chat", "/adapters/chat"],
        ],
      },
    },
  ],
  [
    "a cache-aware gateway",
    `--kv-events-config '{"enable_kv_cache_events": true, "publisher": "zmq", "endpoint": "tcp://*:5557", "topic": "kv@$(POD_IP)@m"}' --block-size 64 --prefix-caching-hash-algo sha256_cbor`,
    { kvEvents: { endpoint: "tcp://*:5557", binds: true }, engine: { blockSize: 64, numGpuBlocks: 3183 } },
  ],
  [
    "tools and templates",
    `--enable-auto-tool-choice --tool-call-parser hermes --chat-template-content-format string --allowed-origins '["*"]' --uvicorn-log-level warning`,
    { serve: { autoToolChoice: true, toolParser: "hermes", allowedOrigins: ["*"] } },
  ],
  [
    "a small cache, set in bytes",
    `--kv-cache-memory-bytes 4G --kv-cache-dtype fp8 --max-model-len 32k --scheduling-policy priority --watermark 0.02`,
    { engine: { numGpuBlocks: 4096, maxModelLen: 32_000, policy: "priority", watermark: 0.02 } },
  ],
  [
    "few tokens a step",
    "--max-num-batched-tokens 128 --long-prefill-token-threshold 64 --num-gpu-blocks-override 600 --max-model-len=-1",
    { engine: { maxNumBatchedTokens: 128, maxNumSeqs: 128, numGpuBlocks: 600, maxModelLen: 9584 } },
  ],
  [
    "whole prompts, few of them at once",
    "--no-enable-chunked-prefill --max-model-len 9000 --max-num-active-seqs 16",
    { engine: { chunkedPrefill: false, maxNumBatchedTokens: 9000, maxNumSeqs: 256, maxNumActiveSeqs: 16 } },
  ],
  [
    "one adapter at a time, as vLLM has it unless told",
    "--enable-lora --long-prefill-token-threshold 64 --long-prefill-token-threshold-adaptive",
    { engine: { maxLoras: 1, longPrefillTokenThreshold: 64, longPrefillTokenThresholdAdaptive: true } },
  ],
] as const)("%s", (_whose, line, expected) => {
  expect(start(line)).toMatchObject({ ...expected, warnings: [] });
});

it("vLLM's environment counts", () => {
  const environment = {
    VLLM_API_KEY: "secret",
    VLLM_SERVER_DEV_MODE: "1",
    VLLM_ALLOW_RUNTIME_LORA_UPDATING: "True",
    VLLM_LOGGING_LEVEL: "DEBUG",
  };
  expect(start("", environment).serve).toMatchObject({ apiKeys: ["secret"], devMode: true, runtimeLora: true });
  expect(start("--api-key other", environment).serve).toMatchObject({ apiKeys: ["other"] });
});

it.each([
  [`${MISTRAL} ${LLAMA}`, `${LLAMA} is neither a flag nor a flag's value; it is ignored`],
  ["--swap-spaces 4", "vLLM has no flag --swap-spaces; it is ignored"],
  ["-q awq", "--quantization changes nothing here: weights count in fp16; --kv-cache-memory-bytes sets what is left"],
  [
    `--speculative-config '{"method": "ngram", "num_speculative_tokens": 3}'`,
    "--speculative-config changes nothing here: tokens come one a step",
  ],
  ["--data-parallel-size=4", "--data-parallel-size changes nothing here: one pod is one rank; start more of them"],
])("%s starts, with a warning", (line, warning) => {
  expect(start(line).warnings).toEqual([warning]);
});

it.each([
  ["--max-model-len", /^--max-model-len stands without a value; vLLM wants one$/],
  ["--max-model-len lots", /^max-model-len "lots"; give a whole number from 1$/],
  ["--max-model-len 400k", /^max-model-len 400000 does not fit 12735 blocks of 16; at most 203744$/],
  ["--gpu-memory-utilization 90", /^gpu-memory-utilization "90"; give a number above 0, at most 1$/],
  ["--kv-cache-memory-bytes 1M", /^kv-cache-memory-bytes 1048576 holds no two blocks of 2097152 bytes/],
  ["--block-size 0", /^block-size "0"; give a whole number from 1$/],
  [
    "--max-num-seqs 64 --max-num-batched-tokens 32",
    /^max-num-batched-tokens 32 is less than max-num-seqs 64; raise it$/,
  ],
  [
    "--no-enable-chunked-prefill --max-num-batched-tokens 8k --max-model-len 9000",
    /^max-num-batched-tokens 8000 is less than max-model-len 9000, and chunked prefill is off; raise it$/,
  ],
  ["--max-num-active-seqs 9 --max-num-seqs 8", /^max-num-active-seqs 9 is more than max-num-seqs 8; lower it$/],
  ["--stream-interval often", /^stream-interval "often"; give a whole number from 1$/],
  ["--scheduling-policy lifo", /^scheduling-policy "lifo"; there are fcfs and priority$/],
  ["--enable-lora --lora-modules sql", /^lora-modules "sql"; give name=path, or JSON with name and path$/],
  ["--kv-events-config {", /^kv-events-config: not JSON: /],
  ["--kv-events-config { --kv-events-config.topic kv", /^kv-events-config: not JSON: /],
])("%s is refused in one clear line", (line, message) => {
  expect(() => start(line)).toThrow(message);
});
