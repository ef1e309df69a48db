/**
 * `npm run bench -- replay [MOONCAKE_TRACE]`: what an hour of traffic on eight A6000 costs, by strategy. Without a trace, as
 * many requests are generated.
 */
import { sharedPrefixTrace } from "../../../fixtures/traces/generate.ts";
import { readTraceFile } from "../../../fixtures/traces/trace-file.ts";
import { simulate } from "../../../conformance/replay/simulate.ts";
import { DEFAULT_MODEL } from "../../../mock-pods/arguments/pod-settings.ts";
import { podSettings } from "../../../mock-pods/arguments/pod-settings.ts";
import { printLaps, race } from "../race.ts";
import { replayStrategy } from "../../replay/replay-strategies.ts";

const GENERATED = {
  seed: 1,
  requests: 12_000,
  perSecond: 3.4,
  groups: 200,
  prefixTokens: 192,
  questionTokens: 190,
  replyTokens: 11,
};

export async function run(): Promise<void> {
  const file = process.argv[3];
  const trace = file === undefined ? sharedPrefixTrace(GENERATED) : readTraceFile(file, { scale: 32 });
  const pods = Array.from({ length: 8 }, () => podSettings("a6000", DEFAULT_MODEL, {}));
  const contenders = ["round-robin", "least-request", "prefix-cache-and-load"].map((name) => ({
    name,
    round: () => simulate({ trace, pods, seed: 1 }, replayStrategy(name)).requests.length,
  }));
  printLaps(await race(contenders), "request");
}
