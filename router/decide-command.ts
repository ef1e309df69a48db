/** `routeproof decide`: a decision trace in, one JSON line a step out. */
import { Option, type Command } from "commander";
import { loadProfile } from "../fixtures/profiles/latency-profile.ts";
import { readJsonFile } from "../fixtures/schema.ts";
import type { Tokenizer } from "../fixtures/tokenizer/tokenizer.ts";
import { checkDecisionTraces, type DecisionTrace } from "./core/decision-trace/decision-trace.ts";
import { DEFAULT_GPU, MODES, type Mode } from "./core/options.ts";
import { playDecisions } from "./core/decision-trace/play-decisions.ts";

export function defineDecide(command: Command, exit: (code: number) => void): void {
  command
    .addOption(new Option("--mode <mode>", "how the router decides").choices(MODES).default("corrected"))
    .requiredOption(
      "--trace <file>",
      "JSON: a list of { id, steps: [{ model, tokens or text, ready, atMs?, picked? }] }",
    )
    .option("--gpu <profile>", "latency profile that prices the pods", DEFAULT_GPU)
    .action(async (options: { mode: Mode; trace: string; gpu: string }) => {
      const traces = checkDecisionTraces(readJsonFile(options.trace), options.trace);
      const gpu = loadProfile(options.gpu).name;
      const tokenizer = await tokenizerFor(traces);
      for (const trace of traces) {
        for (const result of playDecisions(trace, { mode: options.mode, gpu, tokenizer })) {
          process.stdout.write(`${JSON.stringify(result)}\n`);
        }
      }
      exit(0);
    });
}

/** The vocabulary takes a while to load, and most traces are token ids. */
async function tokenizerFor(traces: readonly DecisionTrace[]): Promise<Pick<Tokenizer, "encode">> {
  const hasText = traces.some(({ steps }) => steps.some(({ text }) => text !== undefined));
  return hasText ? (await import("../fixtures/tokenizer/cl100k.ts")).cl100k : { encode: () => [] };
}
