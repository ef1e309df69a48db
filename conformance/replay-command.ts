import type { Command } from "commander";
import { OperationalError } from "../fixtures/operational-error.ts";
import type { Trace } from "../fixtures/traces/trace.ts";
import { readTraceFile } from "../fixtures/traces/trace-file.ts";
import type { FleetOptions } from "../mock-pods/pod/pod.ts";
import type { Flags } from "../mock-pods/arguments/flag-values.ts";
import { parsePodGroups } from "../mock-pods/fleet/pod-groups.ts";
import { DEFAULT_MODEL, podSettings, type PodSettings } from "../mock-pods/arguments/pod-settings.ts";
import { adapterRouter } from "./replay/adapter-router.ts";
import { idealHitRatio } from "./replay/ideal-hits.ts";
import { ReplayReport } from "./replay/replay-report.ts";
import { playLive, type LiveRouter } from "./replay/play-live.ts";
import type { Played } from "./replay/played.ts";
import { simulate, type ReplayStrategy } from "./replay/simulate.ts";
import { summarise } from "./replay/summary.ts";

interface Options {
  readonly trace: string;
  readonly scale?: number;
  readonly limit?: number;
  readonly pods: string;
  readonly model: string;
  readonly numGpuBlocksOverride?: number;
  readonly strategies?: string;
  readonly adapters?: string;
  readonly rate: number;
  readonly seed: number;
  readonly live?: boolean;
  readonly speed: number;
  readonly json?: boolean;
  readonly report?: string;
}

const DEFAULT_STRATEGIES = "round-robin,least-request,prefix-cache-and-load";

/** `routeproof replay`: a trace under each strategy, side by side. `strategyNamed` throws USAGE for a name it lacks. */
export function defineReplay(strategyNamed: (spec: string) => ReplayStrategy & LiveRouter) {
  return (command: Command, exit: (code: number) => void): void => {
    command
      .requiredOption("--trace <file>", "Mooncake or routeproof trace, JSON lines")
      .option("--scale <n>", "divide a Mooncake trace's lengths; 32 makes one of its blocks one of vLLM's", integer)
      .option("--limit <n>", "play only the first n requests", integer)
      .option("--pods <groups>", "the fleet", "a6000:4")
      .option("--model <name>", "whose weights leave room for the KV cache", DEFAULT_MODEL)
      .option("--num-gpu-blocks-override <n>", "KV blocks of a pod, instead of its card's", integer)
      .option("--rate <n>", "arrivals n times as dense", positive, 1)
      .option("--strategies <list>", `by comma, each NAME[:KEY=VALUE]...; without --adapters ${DEFAULT_STRATEGIES}`)
      .option("--adapters <list>", "with --live: other routers, by comma, an adapter file or a shipped adapter's name")
      .option("--seed <number>", "seed of every draw", integer, 1)
      .option("--live", "over sockets: pods in real time, a router in front, a client that keeps the trace's times")
      .option("--speed <n>", "with --live: simulated seconds per real one", positive, 1)
      .option("--json", "JSON lines; the same seed gives the same bytes")
      .option("--report <dir>", "write replay.json, replay.md and requests.jsonl there")
      .action(async (options: Options) => {
        const { strategies = options.adapters === undefined ? DEFAULT_STRATEGIES : undefined, adapters } = options;
        if (adapters !== undefined && options.live !== true) {
          throw new OperationalError("USAGE", "--adapters are routers that run: add --live");
        }
        const ours = strategies?.split(",").map(strategyNamed) ?? [];
        const others = await Promise.all(adapters?.split(",").map(adapterRouter) ?? []);
        await replay(options, ours, others);
        exit(0);
      });
  };
}

/** `others` are played live only. */
async function replay(
  options: Options,
  ours: readonly (ReplayStrategy & LiveRouter)[],
  others: readonly LiveRouter[],
): Promise<void> {
  const pods = podsOf(options);
  const trace = traceOf(options);
  const { seed, speed, live, scale = 1, rate } = options;
  const report = new ReplayReport(
    {
      trace: options.trace,
      scale,
      rate,
      pods: options.pods,
      seed,
      requests: trace.entries.length,
      idealHitRatio: idealHitRatio(trace, pods[0]?.engine.blockSize ?? 16),
    },
    options,
  );
  const add = (name: string, played: Played, startMs: number): void =>
    report.add(summarise(name, played), played, performance.now() - startMs);

  for (const strategy of live === true ? [] : ours) {
    const startMs = performance.now();
    add(strategy.name, simulate({ trace, pods, seed }, strategy, progressOf(strategy.name, trace)), startMs);
  }
  for (const router of live === true ? [...ours, ...others] : []) {
    const startMs = performance.now();
    const run = { trace, fleet: fleetOf(options), seed, speed };
    add(router.name, await playLive(run, router, progressOf(router.name, trace)), startMs);
  }
  report.finish();
}

function traceOf({ trace: path, scale, limit, rate }: Options): Trace {
  const trace = readTraceFile(path, { ...(scale !== undefined && { scale }), ...(limit !== undefined && { limit }) });
  return { ...trace, entries: trace.entries.map((entry) => ({ ...entry, atMs: entry.atMs / rate })) };
}

function podsOf(options: Options): readonly PodSettings[] {
  return parsePodGroups(options.pods).flatMap(({ profile, count }) =>
    Array.from({ length: count }, () => podSettings(profile, options.model, flagsOf(options))),
  );
}

function fleetOf(options: Options): FleetOptions {
  const flags = { ...flagsOf(options), "enable-prompt-tokens-details": true };
  return { pods: options.pods, model: options.model, flags };
}

function flagsOf({ numGpuBlocksOverride }: Options): Flags {
  return numGpuBlocksOverride === undefined ? {} : { "num-gpu-blocks-override": numGpuBlocksOverride };
}

/** Redraws one line of a terminal at every per cent; silent elsewhere. */
function progressOf(name: string, { entries }: Trace): ((arrived: number) => void) | undefined {
  if (!process.stderr.isTTY) return undefined;
  const requests = entries.length;
  const everyRequests = Math.ceil(requests / 100);
  return (arrived) => {
    if (arrived === requests) process.stderr.write("\r\u001b[K");
    else if (arrived % everyRequests === 0) {
      process.stderr.write(`\r\u001b[K${name} ${Math.round((100 * arrived) / requests)} %`);
    }
  };
}

function integer(text: string): number {
  if (/^\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
  throw new OperationalError("USAGE", `expected a whole number, not ${JSON.stringify(text)}`);
}

function positive(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value > 0 && Number.isFinite(value)) return value;
  throw new OperationalError("USAGE", `expected a number above 0, not ${JSON.stringify(text)}`);
}
