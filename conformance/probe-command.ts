/** `routeproof probe`: measure what a router does, write it as a profile, and say where a declared one is wrong. */
import { writeFileSync } from "node:fs";
import type { Command } from "commander";
import { OperationalError } from "../fixtures/operational-error.ts";
import type { RouterAdapter } from "./adapters/router-under-test.ts";
import { ATTACH_HELP, attachOptions, chooseAdapter, type AttachOptions } from "./attach-options.ts";
import { probeRouter, type ProbeReport } from "./probe/probe-router.ts";
import { wholeNumber } from "./whole-number.ts";

interface ProbeCommandOptions extends AttachOptions {
  readonly seed: number;
  readonly out?: string;
  readonly slow?: boolean;
  readonly json?: boolean;
}

const HELP = `
${ATTACH_HELP}

Measured: match.unit (with block size), threshold, cold, load.signal, gate, exploration, owners, insert.at, with --slow the TTL.
What cannot be seen is left out.
Exit codes: 0 measured, 1 the declared profile says something else, 3 the router could not be started, 4 wrong usage.`;

/** `reference` makes the router that is probed when none is named. */
export function defineProbe(reference: () => RouterAdapter) {
  return (command: Command, exit: (code: number) => void): void => {
    attachOptions(command)
      .option("--seed <number>", "reproduces the prompts", wholeNumber("--seed"), 1)
      .option("--slow", "also measure how long prompts are remembered: waits as long, a quarter of an hour at most")
      .option("--out <file>", "write the measured profile there")
      .option("--json", "print profile, contradictions and what was seen as one JSON object")
      .addHelpText("after", HELP)
      .action(async (options: ProbeCommandOptions) => {
        const adapter = await chooseAdapter(options, reference);
        const onStage = (stage: string): void => {
          if (process.stderr.isTTY) process.stderr.write(`measuring ${stage}\n`);
        };
        const report = await probeRouter({ adapter, seed: options.seed, slow: options.slow === true, onStage });
        if (options.out !== undefined) writeProfile(options.out, report);
        process.stdout.write(options.json === true ? `${JSON.stringify(report)}\n` : `${lines(report).join("\n")}\n`);
        exit(report.contradictions.length === 0 ? 0 : 1);
      });
  };
}

function writeProfile(file: string, { profile }: ProbeReport): void {
  try {
    writeFileSync(file, `${JSON.stringify(profile, null, 2)}\n`);
  } catch (cause) {
    throw new OperationalError("USAGE", `--out ${file} cannot be written: ${(cause as Error).message}`, { cause });
  }
}

function lines(report: ProbeReport): string[] {
  const { router, seed, requests, durationMs, profile, notes, contradictions } = report;
  const title = `${router.name} ${router.version} measured with ${requests} requests in ${(durationMs / 1000).toFixed(1)} s, seed ${seed}`;
  return [
    title,
    "",
    ...notes.map(({ field, text }) => `  ${field.padEnd(10)} ${text}`),
    "",
    JSON.stringify(profile, null, 2),
    "",
    ...contradictions.map(
      ({ field, declared, measured }) =>
        `contradicted: ${field} is declared as ${JSON.stringify(declared)} and measured as ${JSON.stringify(measured)}`,
    ),
    contradictions.length === 0 ? "nothing declared was contradicted" : "the declared profile is wrong",
  ];
}
