/** `routeproof verify`: judge a router. */
import { Option, type Command } from "commander";
import { OperationalError } from "../fixtures/operational-error.ts";
import { readJsonFile } from "../fixtures/schema.ts";
import { openAdapter } from "./adapters/open-adapter.ts";
import type { RouterAdapter } from "./adapters/router-under-test.ts";
import { urlAdapter } from "./adapters/url-adapter.ts";
import { CASES } from "./cases/index.ts";
import { Progress } from "./report/progress.ts";
import { ReportFolder } from "./report/report-folder.ts";
import { terminalReport } from "./report/terminal.ts";
import { checkRouterProfile } from "./router-profile.ts";
import { readKnownFailing } from "./runner/known-failing.ts";
import { runConformance, type IsolationLevel, type RunEvent } from "./runner/run-conformance.ts";
import { selectCases } from "./runner/select-cases.ts";

interface VerifyOptions {
  readonly adapter?: string;
  readonly url?: string;
  readonly podsListen?: string;
  readonly profile?: string;
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
  readonly json?: boolean;
}

const HELP = `
Attach a router:
  (nothing)              the reference router, in this process
  --adapter FILE         a router the kit starts, or a running one, as the adapter file says
  --url URL --pods-listen HOST:PORT,...
                         a running router: point it at those addresses first, the kit's pods bind them.
                         --profile FILE says what the router claims; without it most routing cases are unsupported.

Exit codes: 0 conformant, 1 a requirement failed, 2 something stayed undecided, 3 the router or the kit could not be
started or broke, 4 wrong usage.`;

/** `reference` makes the router that is judged when none is named. */
export function defineVerify(reference: () => RouterAdapter) {
  return (command: Command, exit: (code: number) => void): void => {
    command
      .option("--adapter <file>", "adapter file of the router to judge")
      .option("--url <url>", "base URL of a running router")
      .option("--pods-listen <addresses>", "with --url: addresses that the router already points at, comma-separated")
      .option("--profile <file>", "what the router claims, instead of the adapter's own profile")
      .option("--only <ids>", "ids, groups, patterns with *, levels or requirements, comma-separated")
      .option("--seed <number>", "reproduces a run", wholeNumber("--seed"), 1)
      .option("--shuffle", "run in an order drawn from the seed")
      .addOption(
        new Option("--isolation <level>", "L0 fresh prompts, L1 fresh pods, L2 a fresh router for every case")
          .choices(["L0", "L1", "L2"])
          .default("L0"),
      )
      .option("--slow", "run cases that wait for minutes of real time")
      .option("--max-time <seconds>", "begin no case after so long", wholeNumber("--max-time"))
      .option("--strict", "a failed SHOULD counts as a failed MUST")
      .option("--known-failing <file>", "JSON list of {pattern, reason, link}; an entry that passes is a failure")
      .option("--report <dir>", "write report.jsonl, junit.xml and the evidence there")
      .option("--list", "print every case and do not run any")
      .option("--json", "print the report's rows on stdout, one JSON object a line")
      .addHelpText("after", HELP)
      .action(async (options: VerifyOptions) => exit(await verify(options, reference)));
  };
}

async function verify(options: VerifyOptions, reference: () => RouterAdapter): Promise<number> {
  const { only, json = false } = options;
  const selected = selectCases(CASES, only);
  const knownFailing = options.knownFailing === undefined ? [] : readKnownFailing(options.knownFailing);
  const adapter = await chooseAdapter(options, reference);
  if (options.list === true) {
    for (const line of listing(selected, adapter, json)) process.stdout.write(`${line}\n`);
    return 0;
  }
  const folder = options.report === undefined ? undefined : new ReportFolder(options.report);
  const progress = new Progress(process.stderr);
  const interrupt = new AbortController();
  const onInterrupt = (): void => interrupt.abort();
  process.once("SIGINT", onInterrupt);
  const onEvent = (event: RunEvent): void => {
    progress.show(event);
    if (event.type !== "row") return;
    folder?.add(event.row, event.evidence?.());
    if (json) process.stdout.write(`${JSON.stringify(event.row)}\n`);
  };
  try {
    const report = await runConformance({
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
      attachedBy: attachedBy(options),
      onEvent,
    });
    progress.clear();
    const lines = terminalReport(report, !json && process.stdout.isTTY && process.stdout.hasColors());
    if (!json) process.stdout.write(`${lines.join("\n")}\n`);
    else if (report.footer.error !== undefined) process.stderr.write(`routeproof: ${report.footer.error}\n`);
    return report.footer.exitCode;
  } finally {
    process.off("SIGINT", onInterrupt);
  }
}

async function chooseAdapter(options: VerifyOptions, reference: () => RouterAdapter): Promise<RouterAdapter> {
  const { adapter: file, url, podsListen, profile: profileFile } = options;
  if (file !== undefined && url !== undefined) {
    throw new OperationalError("USAGE", "--adapter and --url name two routers; give one of them");
  }
  if (podsListen !== undefined && url === undefined) throw new OperationalError("USAGE", "--pods-listen needs --url");
  const profile = profileFile === undefined ? undefined : checkRouterProfile(readJsonFile(profileFile), profileFile);
  if (url !== undefined) return fixedRouter(url, podsListen, profile ?? {});
  const adapter = file === undefined ? reference() : await openAdapter(file);
  return profile === undefined ? adapter : { ...adapter, profile };
}

function fixedRouter(url: string, podsListen: string | undefined, profile: RouterAdapter["profile"]): RouterAdapter {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new OperationalError("USAGE", `--url ${url} is not an http URL; e.g. http://127.0.0.1:8080`);
  }
  const addresses = (podsListen ?? "").split(",").flatMap((word) => (word.trim() === "" ? [] : [word.trim()]));
  if (addresses.length === 0) {
    throw new OperationalError(
      "USAGE",
      "--url needs --pods-listen: the addresses that the router already points at, e.g. 127.0.0.1:9001,127.0.0.1:9002",
    );
  }
  const wrong = addresses.find((address) => !/^(http:\/\/)?[^/:]+:\d+\/?$/.test(address));
  if (wrong !== undefined) throw new OperationalError("USAGE", `--pods-listen: "${wrong}" is not HOST:PORT`);
  return urlAdapter({ file: { kind: "url", name: new URL(url).host, url, podsListen: addresses }, profile });
}

function attachedBy({ adapter, url, podsListen, profile }: VerifyOptions): string {
  const parts = { adapter, url, "pods-listen": podsListen, profile };
  return Object.entries(parts)
    .flatMap(([name, value]) =>
      value === undefined ? [] : [`--${name} ${/[^\w./:,-]/.test(value) ? `'${value}'` : value}`],
    )
    .join(" ");
}

function listing(cases: ReturnType<typeof selectCases>, { profile }: RouterAdapter, json: boolean): string[] {
  return cases.map((each) => {
    const { id, level, requirement, title } = each;
    const unsupported = each.unsupported(profile);
    if (json)
      return JSON.stringify({ type: "listed", id, level, requirement, title, ...(unsupported && { unsupported }) });
    return `${id.padEnd(8)} ${level.padEnd(13)} ${requirement.padEnd(9)} ${title}`;
  });
}

function wholeNumber(name: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
    throw new OperationalError("USAGE", `${name} ${text} is not a whole number`);
  };
}
