#!/usr/bin/env node
/**
 * The `routeproof` command. The only shipped file that knows every room: it hands each subcommand to the room that owns
 * it, and hands the reference router to the kit, which may not import it.
 */
import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Command, CommanderError } from "commander";
import { OperationalError, OPERATIONAL_ERRORS } from "../fixtures/operational-error.ts";
import packageJson from "../package.json" with { type: "json" };

/** Adds options and the action to an empty command; the action resolves to the exit code. */
type Define = (command: Command, exit: (code: number) => void) => void;

interface Subcommand {
  readonly summary: string;
  /** Loaded only when asked for, so that a pod is ready in a blink. */
  readonly load: () => Promise<Define>;
}

const SUBCOMMANDS: Readonly<Record<string, Subcommand>> = {
  decide: {
    summary: "play a decision trace through the router's decision core",
    load: async () => (await import("../router/decide-command.ts")).defineDecide,
  },
  pods: {
    summary: "start a fleet of mock vLLM pods",
    load: async () => (await import("../mock-pods/fleet/pods-command.ts")).definePods,
  },
  probe: {
    summary: "measure what a router does and write its profile",
    load: async () => {
      const [{ defineProbe }, { referenceRouter }] = await Promise.all([
        import("../conformance/probe-command.ts"),
        import("./reference/reference-router.ts"),
      ]);
      return defineProbe(referenceRouter);
    },
  },
  replay: {
    summary: "play a trace under each strategy and compare",
    load: async () => {
      const [{ defineReplay }, { replayStrategy }] = await Promise.all([
        import("../conformance/replay-command.ts"),
        import("./replay/replay-strategies.ts"),
      ]);
      return defineReplay(replayStrategy);
    },
  },
  report: {
    summary: "render or compare reports of verify",
    load: async () => (await import("../conformance/report-command.ts")).defineReport,
  },
  router: {
    summary: "start the reference router in front of pods",
    load: async () => (await import("../router/router-command.ts")).defineRouter,
  },
  schedule: {
    summary: "play recorded scheduler workloads through the engine",
    load: async () => (await import("../mock-pods/schedule/schedule-command.ts")).defineSchedule,
  },
  verify: {
    summary: "judge a router; with no argument, ours",
    load: async () => {
      const [{ defineVerify }, { referenceRouter }] = await Promise.all([
        import("../conformance/verify-command.ts"),
        import("./reference/reference-router.ts"),
      ]);
      return defineVerify(referenceRouter);
    },
  },
};

/** Runs one command line and resolves to the exit code; diagnostics go to stderr as one line, never a stack trace. */
export async function main(argv: readonly string[]): Promise<number> {
  let exitCode = 0;
  const program = new Command("routeproof")
    .description("Proves LLM routers without GPUs: mock vLLM pods, a reference router, a conformance kit.")
    .version(packageJson.version)
    .exitOverride()
    .showHelpAfterError(false);
  const asked = argv.find((word) => word in SUBCOMMANDS);
  for (const [name, { summary, load }] of Object.entries(SUBCOMMANDS)) {
    const command = program.command(name).description(summary).exitOverride();
    if (name === asked) (await load())(command, (code) => (exitCode = code));
  }
  try {
    await program.parseAsync([...argv], { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : OPERATIONAL_ERRORS.USAGE.exitCode;
    if (error instanceof OperationalError) {
      process.stderr.write(`routeproof: ${error.message}\n`);
      return error.exitCode;
    }
    throw error;
  }
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  // A reader such as `head` has had enough: no error of ours.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(0);
  });
  const exitCode = await main(process.argv.slice(2));
  // Left to end by itself, Node now and then waits for ever for a socket that it has given up; a pipe may take its time.
  process.stdout.write("", () => process.exit(exitCode));
}
