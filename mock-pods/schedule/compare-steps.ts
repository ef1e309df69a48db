import type { Played, StepRecord } from "./play-workload.ts";
import type { Workload } from "./workload.ts";

/** The first place where a recording and our own run part. */
export interface Difference {
  readonly seed: number;
  /** Step number; absent when it is not about a step. */
  readonly step?: number;
  readonly key: string;
  readonly recorded: unknown;
  readonly ours: unknown;
}

/** Undefined when every field of every step agrees. */
export function firstDifference(workload: Workload, played: Played): Difference | undefined {
  const { seed } = workload;
  const recordedSteps = workload.steps ?? [];
  for (let index = 0; index < Math.max(recordedSteps.length, played.steps.length); index++) {
    const recorded: StepRecord = recordedSteps[index] ?? {};
    const ours: StepRecord = played.steps[index] ?? {};
    const key = [...new Set([...Object.keys(recorded), ...Object.keys(ours)])].find(
      (key) => !same(recorded[key], ours[key]),
    );
    if (key === undefined) continue;
    const step = Number(recorded["s"] ?? ours["s"]);
    return { seed, step, key, recorded: recorded[key] ?? null, ours: ours[key] ?? null };
  }
  if (workload.produced === undefined || same(workload.produced, played.produced)) return undefined;
  return { seed, key: "produced", recorded: workload.produced, ours: played.produced };
}

export function describeDifference({ seed, step, key, recorded, ours }: Difference): string {
  const where = step === undefined ? `workload ${seed}` : `workload ${seed}, step ${step}`;
  return `${where}, ${key}: recorded ${JSON.stringify(recorded)}, ours ${JSON.stringify(ours)}`;
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
