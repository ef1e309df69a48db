import { expect, it } from "vitest";
import { podSettings } from "./pod-settings.ts";

it("vLLM's scheduler flags reach the engine", () => {
  const flags = {
    "scheduling-policy": "priority",
    "max-num-seqs": 3,
    "max-num-batched-tokens": 64,
    "long-prefill-token-threshold": 8,
    watermark: 0.1,
    "no-scheduler-reserve-full-isl": true,
    "no-enable-prefix-caching": true,
    "num-gpu-blocks-override": 100,
    "block-size": 32,
  };
  expect(podSettings("v100", "m", flags).engine).toEqual({
    policy: "priority",
    maxNumSeqs: 3,
    maxNumBatchedTokens: 64,
    longPrefillTokenThreshold: 8,
    watermark: 0.1,
    reserveFullIsl: false,
    prefixCaching: false,
    numGpuBlocks: 100,
    blockSize: 32,
    maxModelLen: 3168,
    kvEvents: false,
  });
  expect(podSettings("a6000", "m", { watermark: 0 }).engine).toMatchObject({ watermark: 0, reserveFullIsl: true });
});

it("a curve that falls is refused before the pod starts", () => {
  expect(() => podSettings("a6000-preble", "m", {})).toThrow(/cannot be a pod's clock.*use a6000-monotone$/);
});

it("a watermark above all blocks is refused", () => {
  expect(() => podSettings("a6000", "m", { watermark: 1 })).toThrow(/^watermark "1"; give a number from 0, below 1$/);
});
