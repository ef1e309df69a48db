/** The engine against the recording of vLLM 0.32's own scheduler: every field of every step, every KV event. */
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { describeDifference, firstDifference } from "./compare-steps.ts";
import { playWorkload } from "./play-workload.ts";
import { readWorkloads } from "./workload.ts";

const workloads = readWorkloads(
  fileURLToPath(new URL("../../fixtures/recordings/scheduler-public.jsonl.gz", import.meta.url)),
);

it("the recording is whole", () => {
  expect(workloads).toHaveLength(150);
  expect(workloads.reduce((sum, { steps }) => sum + (steps?.length ?? 0), 0)).toBe(24_685);
});

it.each(workloads.map((workload) => [workload.seed, workload.tags.join(" "), workload] as const))(
  "workload %i (%s) is scheduled as vLLM did",
  (_seed, _tags, workload) => {
    expect(firstDifference(workload, playWorkload(workload))).toBeUndefined();
  },
);

it("a recording changed in one number is caught at that number", () => {
  const [workload] = workloads;
  if (workload?.steps === undefined) throw new Error("an empty recording");
  const steps = workload.steps.map((step, index) => (index === 40 ? { ...step, free: 1 } : step));
  const difference = firstDifference({ ...workload, steps }, playWorkload(workload));
  expect(difference).toMatchObject({ seed: 0, step: steps[40]?.["s"], key: "free", recorded: 1 });
  expect(difference && describeDifference(difference)).toMatch(/^workload 0, step \d+, free: recorded 1, ours \d+$/);
});

it("a recording with a step too few or too many is caught", () => {
  const [workload] = workloads;
  if (workload?.steps === undefined) throw new Error("an empty recording");
  const played = playWorkload(workload);
  expect(firstDifference({ ...workload, steps: workload.steps.slice(0, -1) }, played)?.key).toBe("s");
  expect(firstDifference({ ...workload, steps: [...workload.steps, { s: 9999 }] }, played)?.key).toBe("s");
});
