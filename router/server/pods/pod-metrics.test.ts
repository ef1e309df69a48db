import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { lookAtPod } from "./look-at-pod.ts";
import { podFigures } from "./pod-metrics.ts";

it("reads what a real vLLM says", () => {
  const page = readFileSync(new URL("../../../fixtures/recordings/metrics-three-running.txt", import.meta.url), "utf8");
  const { kvUsageRatio, startedSeconds } = podFigures(page);
  expect(kvUsageRatio).toBeGreaterThan(0);
  expect(startedSeconds).toBeGreaterThan(1.7e9);
});

it.each([
  ["the new name", 'vllm:kv_cache_usage_perc{engine="0"} 0.25\n', 0.25],
  ["the old name", 'vllm:gpu_cache_usage_perc{model_name="m"} 0.5\n', 0.5],
  ["both names, which go by the new", "vllm:gpu_cache_usage_perc 0.9\nvllm:kv_cache_usage_perc 0.25\n", 0.25],
])("reads KV usage under %s (FRESH-07: aib #2153, #1968)", (_, page, ratio) => {
  expect(podFigures(page)).toEqual({ kvUsageRatio: ratio });
});

it("takes the fullest of several engines or models, whichever stands first (FRESH-09: aib #2331)", () => {
  const lines = [
    'vllm:kv_cache_usage_perc{engine="0",model_name="a"} 0.1\n',
    'vllm:kv_cache_usage_perc{engine="1",model_name="b"} 0.8\n',
  ];
  expect(podFigures(lines.join(""))).toEqual({ kvUsageRatio: 0.8 });
  expect(podFigures(lines.toReversed().join(""))).toEqual({ kvUsageRatio: 0.8 });
});

it.each(["", "<html>not found</html>", "vllm:kv_cache_usage_perc\n", "vllm:kv_cache_usage_perc NaN\n", "x 1\n"])(
  "takes nothing from the page %j (FRESH-03: smg #1867; aib #638; vr #174)",
  (page) => {
    expect(podFigures(page)).toEqual({});
  },
);

it.each([-1, 1.5, "Infinity"])("takes nothing from a usage of %s (FRESH-03)", (usage) => {
  expect(podFigures(`vllm:kv_cache_usage_perc ${usage}\nprocess_start_time_seconds -1\n`)).toEqual({});
});

it("says nothing of a pod whose page froze or vanished, and outlives one reading that is missed (FRESH-02, CFG-04: smg #1683; gie #1497; ldr #2514)", () => {
  const pod = { kvUsage: { ratio: 0, atMs: 1000 } };
  expect(lookAtPod(pod, 1000)).toEqual({ kvUsageRatio: 0 });
  expect(lookAtPod(pod, 3500)).toEqual({ kvUsageRatio: 0 });
  expect(lookAtPod(pod, 6000)).toBeUndefined();
  expect(lookAtPod({ kvUsage: undefined }, 0)).toBeUndefined();
  expect(lookAtPod(undefined, 0)).toBeUndefined();
});
