import type { Command } from "commander";
import { OperationalError } from "../../fixtures/operational-error.ts";
import { type Difference, describeDifference, firstDifference } from "./compare-steps.ts";
import { playWorkload } from "./play-workload.ts";
import { readWorkloads, type Workload } from "./workload.ts";

interface Options {
  readonly workloads: string;
  readonly check?: boolean;
  readonly json?: boolean;
}

/** `routeproof schedule`: recorded scheduler workloads, played through the engine's own scheduler. */
export function defineSchedule(command: Command, exit: (code: number) => void): void {
  command
    .requiredOption("--workloads <file>", "recorded workloads, .jsonl or .jsonl.gz")
    .option("--check", "compare with the recorded steps instead of printing ours; exit 1 on a difference")
    .option("--json", "with --check: the result as one JSON line")
    .action((options: Options) => {
      const workloads = readWorkloads(options.workloads);
      if (options.check === true) exit(check(options, workloads));
      else for (const workload of workloads) print(JSON.stringify({ ...workload, ...playWorkload(workload) }));
    });
}

/** Returns the exit code. */
function check({ workloads: file, json }: Options, workloads: readonly Workload[]): number {
  const bare = workloads.find(({ steps }) => steps === undefined);
  if (bare !== undefined) {
    throw new OperationalError("FILE_INVALID", `${file}: workload ${bare.seed} has no steps to check against`);
  }
  const differences = workloads
    .map((workload) => firstDifference(workload, playWorkload(workload)))
    .filter((difference): difference is Difference => difference !== undefined);
  const steps = workloads.reduce((sum, workload) => sum + (workload.steps?.length ?? 0), 0);
  const agreed = workloads.length - differences.length;
  if (json === true) {
    print(JSON.stringify({ workloads: workloads.length, agreed, steps, differences }));
  } else {
    for (const difference of differences) print(describeDifference(difference));
    print(`${agreed} of ${workloads.length} workloads agree with the recording in every field (${steps} steps)`);
  }
  return differences.length === 0 ? 0 : 1;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
