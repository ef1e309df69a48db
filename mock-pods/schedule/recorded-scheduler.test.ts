/** The engine against recordings of vLLM 0.32's own scheduler: every field of every step, every KV event. */
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { describeDifference, firstDifference } from "./compare-steps.ts";
import { playWorkload } from "./play-workload.ts";
import { readWorkloads, type Workload } from "./workload.ts";

function recorded(name: string): Workload[] {
  return readWorkloads(fileURLToPath(new URL(`../../fixtures/recordings/${name}`, import.meta.url)));
}
const workloads = recorded("scheduler-public.jsonl.gz");
const more = recorded("scheduler-more.jsonl.gz");

it("the recordings are whole", () => {
  const steps = (all: readonly Workload[]): number => all.reduce((sum, { steps }) => sum + (steps?.length ?? 0), 0);
  expect([workloads.length, steps(workloads)]).toEqual([150, 24_685]);
  expect([more.length, steps(more)]).toEqual([520, 22_276]);
});

it.each(workloads.map((workload) => [workload.seed, workload.tags.join(" "), workload] as const))(
  "workload %i (%s) is scheduled as vLLM did",
  (_seed, _tags, workload) => {
    expect(firstDifference(workload, playWorkload(workload))).toBeUndefined();
  },
);

it.each(more.map((workload) => [workload.seed, workload] as const))(
  "workload %i of the more is scheduled as vLLM did",
  (_seed, workload) => {
    expect(firstDifference(workload, playWorkload(workload))).toBeUndefined();
  },
);

describe("what is compared", () => {
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

  it.each(["res", "pre", "rp", "fmid", "pq", "ppq", "reset", "ev", "evc", "why", "skip"])(
    "the recordings reach %s, and a step without it is caught",
    (key) => {
      const workload = more.find(({ steps }) => steps?.some((step) => key in step));
      if (workload?.steps === undefined) throw new Error(`nothing recorded of ${key}`);
      const steps = workload.steps.map((step) =>
        Object.fromEntries(Object.entries(step).filter(([name]) => name !== key)),
      );
      expect(firstDifference({ ...workload, steps }, playWorkload(workload))?.key).toBe(key);
    },
  );
});
