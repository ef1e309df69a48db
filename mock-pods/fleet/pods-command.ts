import { OperationalError } from "../../fixtures/operational-error.ts";
import type { Command } from "commander";
import { cl100k } from "../../fixtures/tokenizer/cl100k.ts";
import { startFleet } from "./fleet.ts";
import { collectAtRest, keepHeapFrugal } from "./frugal-heap.ts";
import { DEFAULT_MODEL } from "../arguments/pod-settings.ts";
import type { Fleet } from "../pod/pod.ts";
import { withConfigFile } from "../arguments/config-file.ts";
import { readVllmArguments, type VllmArguments } from "../arguments/vllm-arguments.ts";

interface Options {
  readonly pods: string;
  readonly basePort?: string;
  readonly port?: string;
  readonly host?: string;
  readonly model?: string;
  readonly tokenizer?: string;
  readonly speed?: string;
  readonly vllmVersion?: string;
  readonly seed?: string;
  readonly faults?: string;
}

/** `routeproof pods`: a fleet of mock pods, one JSON line when all of them listen, until a signal comes. */
export function definePods(command: Command, exit: (code: number) => void): void {
  command
    .requiredOption("--pods <groups>", "cards and counts, as a6000:4,v100:2")
    .option("--base-port <port>", "the first pod's port, the next ones follow; 0, the default, lets the system choose")
    .option("--port <port>", "vLLM's name for --base-port")
    .option("--host <address>", "address to listen on (default 127.0.0.1)")
    .option("--model <name>", `model to serve (default ${DEFAULT_MODEL})`)
    .option("--tokenizer <folder>", "folder with tokenizer.json (default cl100k_base)")
    .option("--speed <factor>", "simulated milliseconds per real one (default 1)")
    .option("--vllm-version <version>", "speak as vLLM 0.7, 0.10, 0.28 or 0.32 (default 0.32)")
    .option("--seed <number>", "seed of everything random (default 0)")
    .option("--faults <file>", "what goes wrong, by pod and time: JSON as in mock-pods/README.md")
    .usage("--pods a6000:4,v100:2 [options] [vLLM's own flags]")
    .allowUnknownOption()
    .allowExcessArguments()
    .action(async (given: Options) => {
      keepHeapFrugal();
      const { flags: all, model, warnings } = readVllmArguments(await withConfigFile(command.args));
      const { model: _own, ...flags } = all;
      const options = { ...ownOptions(all), ...given };
      for (const warning of warnings) process.stderr.write(`routeproof: ${warning}\n`);
      const basePort = whole(options, options.basePort === undefined ? "port" : "basePort", 0, 65_535);
      const speed = options.speed === undefined ? undefined : Number(options.speed);
      if (speed !== undefined && !(speed > 0)) throw usage(`--speed "${options.speed}"; give a number above 0`);
      const seed = whole(options, "seed", 0, Number.MAX_SAFE_INTEGER);
      const named = given.model ?? model ?? options.model;
      const fleet = await startFleet({
        pods: options.pods,
        flags: { ...flags, ...(options.vllmVersion === undefined ? {} : { "vllm-version": options.vllmVersion }) },
        ...(basePort === undefined ? {} : { basePort }),
        ...(options.host === undefined ? {} : { host: options.host }),
        ...(named === undefined ? {} : { model: named }),
        ...(options.tokenizer === undefined ? {} : { tokenizer: options.tokenizer }),
        ...(speed === undefined ? {} : { speed }),
        ...(seed === undefined ? {} : { seed }),
        ...(options.faults === undefined ? {} : { faults: options.faults }),
      });
      // Who reads the line may send a signal at once.
      const over = untilShutDown(fleet);
      process.stdout.write(`${JSON.stringify(readyLine(fleet))}\n`);
      setImmediate(() => {
        // Its tables are made with the first text, which should not be the first request's.
        if (options.tokenizer === undefined) cl100k.encode("a");
        collectAtRest();
      });
      await over;
      exit(0);
    });
}

/** Flags of vLLM's that are options here: among the others they stand only if a `--config` file has them. */
function ownOptions({ host, model, port, seed, tokenizer }: VllmArguments["flags"]): Partial<Options> {
  return Object.fromEntries(
    Object.entries({ host, model, port, seed, tokenizer }).filter(([, value]) => typeof value === "string"),
  );
}

function readyLine(fleet: Fleet): object {
  return {
    urls: fleet.pods.map(({ url }) => url),
    model: fleet.pods[0]?.model,
    pods: fleet.pods.map(({ name, url, profile }) => ({ name, url, profile })),
  };
}

/** As vLLM ends: the first signal gives running requests `--shutdown-timeout`, the second ends at once. */
async function untilShutDown(fleet: Fleet): Promise<void> {
  // Node does not stay for pods whose timers and sockets are at rest.
  const stay = setInterval(() => undefined, 2 ** 30);
  await new Promise<void>((done) => {
    let asked = false;
    const onSignal = () => {
      if (asked) return done();
      asked = true;
      void fleet.shutdown().then(done);
    };
    process.on("SIGTERM", onSignal).on("SIGINT", onSignal);
  });
  clearInterval(stay);
  await fleet.close();
}

function whole(options: Options, name: "basePort" | "port" | "seed", least: number, most: number): number | undefined {
  const text = options[name];
  if (text === undefined) return undefined;
  const number = Number(text);
  if (text.trim() !== "" && Number.isInteger(number) && number >= least && number <= most) return number;
  const flag = name === "basePort" ? "--base-port" : `--${name}`;
  throw usage(`${flag} "${text}"; give a whole number from ${least} to ${most}`);
}

function usage(message: string): OperationalError {
  return new OperationalError("USAGE", message);
}
