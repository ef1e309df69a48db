import { Option, type Command } from "commander";
import { OperationalError } from "../fixtures/operational-error.ts";
import { loadProfile } from "../fixtures/profiles/latency-profile.ts";
import { cl100k } from "../fixtures/tokenizer/cl100k.ts";
import { createFunctionRouter } from "./core/function-router.ts";
import { MODES, STRATEGIES, type Mode, type StrategyName } from "./core/options.ts";
import { parseBackends } from "./server/pod-spec.ts";
import { startRouter } from "./server/start-router.ts";

interface Options {
  readonly backends: string;
  readonly strategy: StrategyName;
  readonly mode: Mode;
  readonly threshold?: number;
  readonly gpu: string;
  readonly host: string;
  readonly port: number;
  readonly adminHost: string;
  readonly adminPort: number;
  readonly seed: number;
  readonly drainMs: number;
}

/** `routeproof router`: the reference router in front of pods, until a signal ends it. */
export function defineRouter(command: Command, exit: (code: number) => void): void {
  command
    .option("--backends <urls>", "pods, by comma: http://host:port, or http://host:port=a6000 to say the card", "")
    .addOption(new Option("--strategy <name>").choices(STRATEGIES).default("prefix-cache-and-load"))
    .addOption(new Option("--mode <mode>", "how prefix-cache-and-load decides").choices(MODES).default("corrected"))
    .option("--threshold <ratio>", "share of the prompt above which the prefix decides", ratio)
    .option("--gpu <profile>", "card of pods that name none", "v100")
    .option("--host <address>", "address of the data port", "127.0.0.1")
    .option("--port <number>", "data port; 0 lets the system choose", port, 8080)
    .option("--admin-host <address>", "address of the admin port", "127.0.0.1")
    .option("--admin-port <number>", "admin port; 0 lets the system choose", port, 0)
    .option("--seed <number>", "seed of every draw", integer, 0)
    .option("--drain-ms <ms>", "how long SIGTERM waits for answers under way", integer, 30_000)
    .action(async (options: Options) => {
      await serve(options);
      exit(0);
    });
}

async function serve(options: Options): Promise<void> {
  const { strategy, mode, threshold, seed, backends, host, adminHost, adminPort, drainMs } = options;
  const defaultGpu = loadProfile(options.gpu).name;
  const router = await startRouter({
    router: createFunctionRouter({
      strategy,
      mode,
      defaultGpu,
      tokenizer: cl100k,
      seed,
      ...(threshold === undefined ? {} : { threshold }),
    }),
    pods: parseBackends(backends),
    defaultGpu,
    host,
    port: options.port,
    adminHost,
    adminPort,
  });
  const { url, adminUrl } = router;
  process.stdout.write(`${JSON.stringify({ ready: true, url, adminUrl, strategy, mode, seed, pid: process.pid })}\n`);
  const signal = await new Promise<string>((resolve) => {
    for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, resolve);
  });
  process.stderr.write(`routeproof: ${signal}: finishing what is under way, for at most ${drainMs} ms\n`);
  await router.drain(drainMs);
}

function ratio(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= 0 && value <= 1) return value;
  throw new OperationalError("USAGE", `--threshold is a number from 0 to 1, not ${JSON.stringify(text)}`);
}

function port(text: string): number {
  if (/^\d+$/.test(text) && Number(text) <= 65535) return Number(text);
  throw new OperationalError("USAGE", `a port is a number from 0 to 65535, not ${JSON.stringify(text)}`);
}

function integer(text: string): number {
  if (/^\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
  throw new OperationalError("USAGE", `expected a whole number, not ${JSON.stringify(text)}`);
}
