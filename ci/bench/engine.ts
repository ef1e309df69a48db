/**
 * Virtual time: an hour of 8 A6000 pods at 20 requests a second, 512 tokens in (256 of them shared by the 40 requests of
 * a group), 128 out: 72,000 requests, dealt round-robin by group.
 */
import { loadProfile } from "../../fixtures/profiles/latency-profile.ts";
import { Random } from "../../fixtures/random.ts";
import { createEngine, ENGINE_DEFAULTS } from "../../mock-pods/engine/create-engine.ts";
import type { DecodeRun, StepOutput } from "../../mock-pods/engine/engine.ts";
import { VirtualDriver } from "../../mock-pods/virtual-driver.ts";

const PODS = 8;
const REQUESTS = 72_000;
const REQUESTS_PER_SECOND = 20;
const PROMPT_TOKENS = 512;
const SHARED_TOKENS = 256;
const OUTPUT_TOKENS = 128;
const GROUPS = 1800;

const ROUNDS = 3;

export async function run(): Promise<void> {
  // Interleaved, so that a busy moment of the machine hits both.
  const rounds = Array.from({ length: ROUNDS }, () => ({ ahead: hour(true), stepwise: hour(false) }));
  report(
    "with fast-forward",
    rounds.map(({ ahead }) => ahead),
  );
  report(
    "every step by itself",
    rounds.map(({ stepwise }) => stepwise),
  );
}

function report(name: string, hours: readonly Hour[]): void {
  const sorted = hours.toSorted((a, b) => a.cpuSeconds - b.cpuSeconds);
  const { cpuSeconds, simulatedSeconds, steps, tokens, medianTtftMs } = sorted[sorted.length >> 1] as Hour;
  const all = sorted.map((hour) => hour.cpuSeconds.toFixed(2)).join(", ");
  const perCpuSecond = (count: number): string => Math.round(count / cpuSeconds).toLocaleString("en");
  process.stdout.write(
    [
      `${name}: ${cpuSeconds.toFixed(2)} CPU-seconds (of ${all})`,
      `  a CPU-second: ${perCpuSecond(simulatedSeconds)} simulated seconds, ${perCpuSecond(steps)} steps, ${perCpuSecond(tokens)} tokens`,
      `  ${simulatedSeconds.toFixed(1)} simulated seconds, ${steps} steps, ${tokens} tokens, median time to first token ${medianTtftMs.toFixed(3)} ms`,
      "",
    ].join("\n"),
  );
}

interface Hour {
  readonly cpuSeconds: number;
  readonly simulatedSeconds: number;
  readonly steps: number;
  readonly tokens: number;
  readonly medianTtftMs: number;
}

export function hour(ahead: boolean): Hour {
  const random = new Random(1).stream("arrivals");
  const before = process.cpuUsage();
  const driver = new VirtualDriver();
  const arrivedMs = new Float64Array(REQUESTS);
  const ttftMs = new Float64Array(REQUESTS);
  let steps = 0;
  let tokens = 0;
  const config = { ...ENGINE_DEFAULTS, numGpuBlocks: 12_735, maxModelLen: 32_768 };
  const onStep = (output: StepOutput): void => {
    steps++;
    tokens += output.tokens.length;
    for (const { requestId, index } of output.tokens) {
      if (index === 0) ttftMs[Number(requestId)] = output.endMs - (arrivedMs[Number(requestId)] as number);
    }
  };
  const onRun = (run: DecodeRun): void => {
    steps += run.stepEndsMs.length;
    tokens += run.stepEndsMs.length * run.requests.length;
  };
  const pods = Array.from({ length: PODS }, () => {
    const engine = createEngine(config, loadProfile("a6000"));
    return ahead ? driver.fastForward(engine, onStep, onRun) : driver.drive(engine, onStep);
  });
  let index = 0;
  const arrive = (): void => {
    const request = index++;
    const group = request % GROUPS;
    const promptTokenIds = new Int32Array(PROMPT_TOKENS);
    for (let position = 0; position < PROMPT_TOKENS; position++) {
      promptTokenIds[position] = position < SHARED_TOKENS ? group * 1000 + position : request * 1000 + position;
    }
    arrivedMs[request] = driver.nowMs();
    pods[group % PODS]?.submit({
      id: String(request),
      promptTokenIds,
      maxTokens: OUTPUT_TOKENS,
      sample: (k) => 1_000_000 + k,
    });
    if (index < REQUESTS)
      driver.at(driver.nowMs() - (Math.log(1 - random.next()) * 1000) / REQUESTS_PER_SECOND, arrive);
  };
  driver.at(0, arrive);
  driver.run();
  const { user, system } = process.cpuUsage(before);
  return {
    cpuSeconds: (user + system) / 1e6,
    simulatedSeconds: driver.nowMs() / 1000,
    steps,
    tokens,
    medianTtftMs: ttftMs.sort()[REQUESTS >> 1] as number,
  };
}
