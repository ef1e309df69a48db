/**
 * `npm run bench -- engine [MOONCAKE_TRACE]`: virtual time on 8 A6000 pods, with fast-forward and without. Without a trace an
 * hour at 20 requests a second, 512 tokens in (256 of them shared by the 40 requests of a group), 128 out: 72,000
 * requests, dealt round-robin by group. A trace is played at its own lengths, dealt round-robin, no request refused.
 */
import { loadProfile } from "../../../fixtures/profiles/latency-profile.ts";
import { Random } from "../../../fixtures/random.ts";
import { TokenRuns, type Trace, type TraceEntry } from "../../../fixtures/traces/trace.ts";
import { readTraceFile } from "../../../fixtures/traces/trace-file.ts";
import { createEngine, ENGINE_DEFAULTS } from "../../../mock-pods/engine/create-engine.ts";
import type { DecodeRun, StepOutput } from "../../../mock-pods/engine/engine.ts";
import { VirtualDriver } from "../../../mock-pods/drivers/virtual-driver.ts";

const PODS = 8;
const ROUNDS = 3;

interface Arrival {
  readonly atMs: number;
  readonly pod: number;
  readonly promptTokenIds: TokenRuns;
  readonly maxTokens: number;
  readonly firstReplyId: number;
}

/** Arrivals in order, made as they come. */
type Traffic = () => Iterator<Arrival>;

interface Played {
  readonly cpuSeconds: number;
  readonly simulatedSeconds: number;
  readonly requests: number;
  readonly steps: number;
  readonly tokens: number;
  readonly medianTtftMs: number;
}

export async function run(): Promise<void> {
  const file = process.argv[3];
  const trace = file === undefined ? undefined : readTraceFile(file, { scale: 1 });
  const traffic: Traffic = trace === undefined ? steadyHour : () => traceTraffic(trace);
  // Interleaved, so that a busy moment of the machine hits both.
  const rounds = Array.from({ length: ROUNDS }, () => ({ ahead: play(traffic, true), stepwise: play(traffic, false) }));
  report(
    "with fast-forward",
    rounds.map(({ ahead }) => ahead),
  );
  report(
    "every step by itself",
    rounds.map(({ stepwise }) => stepwise),
  );
}

function report(name: string, rounds: readonly Played[]): void {
  const sorted = rounds.toSorted((a, b) => a.cpuSeconds - b.cpuSeconds);
  const { cpuSeconds, simulatedSeconds, requests, steps, tokens, medianTtftMs } = sorted[sorted.length >> 1] as Played;
  const all = sorted.map((round) => round.cpuSeconds.toFixed(2)).join(", ");
  const perCpuSecond = (count: number): string => Math.round(count / cpuSeconds).toLocaleString("en");
  process.stdout.write(
    [
      `${name}: ${cpuSeconds.toFixed(2)} CPU-seconds (of ${all})`,
      `  a CPU-second: ${perCpuSecond(simulatedSeconds)} simulated seconds, ${perCpuSecond(steps)} steps, ${perCpuSecond(tokens)} tokens`,
      `  ${requests} requests, ${simulatedSeconds.toFixed(1)} simulated seconds, ${steps} steps, ${tokens} tokens, median time to first token ${medianTtftMs.toFixed(3)} ms`,
      "",
    ].join("\n"),
  );
}

function* steadyHour(): Generator<Arrival> {
  const [requests, perSecond, groups, shared] = [72_000, 20, 1800, 256];
  const random = new Random(1).stream("arrivals");
  let atMs = 0;
  for (let request = 0; request < requests; request++) {
    const group = request % groups;
    const promptTokenIds = new TokenRuns([
      [group * 1000, shared],
      [request * 1000 + shared, shared],
    ]);
    yield { atMs, pod: group % PODS, promptTokenIds, maxTokens: 128, firstReplyId: 1_000_000 };
    atMs -= (Math.log(1 - random.next()) * 1000) / perSecond;
  }
}

function* traceTraffic({ entries }: Trace): Generator<Arrival> {
  for (const [index, { atMs, prompt, reply }] of (entries as TraceEntry[]).entries()) {
    yield {
      atMs,
      pod: index % PODS,
      promptTokenIds: new TokenRuns(prompt),
      maxTokens: reply[1],
      firstReplyId: reply[0],
    };
  }
}

function play(traffic: Traffic, ahead: boolean): Played {
  const before = process.cpuUsage();
  const driver = new VirtualDriver();
  const arrivedMs: number[] = [];
  const ttftMs: number[] = [];
  let steps = 0;
  let tokens = 0;
  // The longest request of Mooncake's traces, 126,527 tokens, fits.
  const config = { ...ENGINE_DEFAULTS, numGpuBlocks: 12_735, maxModelLen: 131_072 };
  const onStep = (output: StepOutput): void => {
    steps++;
    tokens += output.tokens.length;
    for (const { requestId, index } of output.tokens) {
      if (index === 0) ttftMs.push(output.endMs - (arrivedMs[Number(requestId)] as number));
    }
  };
  const onRun = (run: DecodeRun): void => {
    steps += run.stepEndsMs.length;
    tokens += run.stepEndsMs.length * run.requests.length;
  };
  const pods = Array.from({ length: PODS }, () => {
    const engine = createEngine(config, loadProfile("a6000"));
    return ahead ? driver.fastForward(engine, onStep, { onRun }) : driver.drive(engine, onStep);
  });
  const arrivals = traffic();
  const planNext = (): void => {
    const { value, done } = arrivals.next();
    if (done !== true) driver.at(value.atMs, () => arrive(value));
  };
  const arrive = ({ pod, promptTokenIds, maxTokens, firstReplyId }: Arrival): void => {
    const id = String(arrivedMs.length);
    arrivedMs.push(driver.nowMs());
    pods[pod]?.submit({ id, promptTokenIds, maxTokens, sample: (k) => firstReplyId + k });
    planNext();
  };
  planNext();
  driver.run();
  const { user, system } = process.cpuUsage(before);
  return {
    cpuSeconds: (user + system) / 1e6,
    simulatedSeconds: driver.nowMs() / 1000,
    requests: arrivedMs.length,
    steps,
    tokens,
    medianTtftMs: ttftMs.toSorted((a, b) => a - b)[ttftMs.length >> 1] as number,
  };
}
