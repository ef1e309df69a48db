import { expect, it } from "vitest";
import { readVllmArguments } from "./vllm-arguments.ts";

const read = (line: string) => readVllmArguments(line.split(" "));

it("reads a real manifest's arguments", () => {
  const manifest =
    "meta-llama/Llama-3.1-8B-Instruct --port=8000 --tensor-parallel-size 1 --max-model-len 32k --enable-prefix-caching " +
    "--no-enable-log-requests --gpu_memory_utilization 0.9 --served-model-name llama llama-8b --enable-lora -tp 2";
  expect(read(manifest)).toEqual({
    model: "meta-llama/Llama-3.1-8B-Instruct",
    warnings: [],
    flags: {
      port: "8000",
      "tensor-parallel-size": "2",
      "max-model-len": "32000",
      "enable-prefix-caching": true,
      "enable-log-requests": false,
      "gpu-memory-utilization": "0.9",
      "served-model-name": "llama llama-8b",
      "enable-lora": true,
    },
  });
});

it("gathers dotted keys into JSON", () => {
  const { flags } = read("--kv-events-config.enable_kv_cache_events true --kv-events-config.topic kv@a@b");
  expect(JSON.parse(flags["kv-events-config"] as string)).toEqual({ enable_kv_cache_events: true, topic: "kv@a@b" });
});

it("warns of a flag that vLLM does not have, and takes its values with it", () => {
  const { flags, warnings } = read("--warp-speed 9 --seed 1");
  expect(flags).toEqual({ seed: "1" });
  expect(warnings).toEqual(["vLLM has no flag --warp-speed; it is ignored"]);
});
