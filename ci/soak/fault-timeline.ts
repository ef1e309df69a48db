/** What goes wrong during a soak, and when: each pod has one trouble after another, with times of health between. */
import type { Random, RandomStream } from "../../fixtures/random.ts";
import type { Fault } from "../../mock-pods/faults/fault.ts";

const MEAN_HEALTH_MS = 15_000;
const MEAN_TROUBLE_MS = 6_000;

/** What of a fault is not its time. Shares leave room for traffic that succeeds on the same pod. */
const TROUBLES: readonly ((random: RandomStream) => Fault)[] = [
  (random) => ({ kind: "error", status: random.pick([429, 500, 503]), share: 0.5 }),
  () => ({ kind: "hang", share: 0.2 }),
  (random) => ({ kind: "stall", afterChunks: 1 + random.below(8), share: 0.2 }),
  (random) => ({ kind: "reset", afterChunks: random.below(8), share: 0.3 }),
  (random) => ({ kind: "truncate", afterChunks: 1 + random.below(8), share: 0.3 }),
  (random) => ({ kind: "drip", everyMs: 10 + random.below(90), share: 0.5 }),
  (random) => ({ kind: "split", bytes: 1 + random.below(40) }),
  () => ({ kind: "malformed-json", share: 0.3 }),
  () => ({ kind: "refuse" }),
  () => ({ kind: "silent-shutdown" }),
  (random) => ({ kind: "metrics", how: random.pick(["stale", "blank", "slow", "nan", "missing", "error"]) }),
  (random) => ({ kind: "slow-engine", factor: 2 + random.below(4) }),
  (random) => ({ kind: "less-cache", blocks: 500 + random.below(2_000) }),
];

/** The faults of one pod over `durationMs`; depends on the seed and the pod's name alone. */
export function faultTimeline(random: Random, pod: string, durationMs: number): Fault[] {
  const stream = random.stream(`faults of ${pod}`);
  const faults: Fault[] = [];
  let deck: typeof TROUBLES = [];
  for (let atMs = wait(stream, MEAN_HEALTH_MS); ; atMs += wait(stream, MEAN_HEALTH_MS)) {
    const untilMs = atMs + wait(stream, MEAN_TROUBLE_MS);
    if (untilMs >= durationMs) return faults;
    // Dealt from a shuffled deck, so that a run of any length sees as many kinds as it has room for.
    if (deck.length === 0) deck = stream.shuffle(TROUBLES);
    const [trouble, ...rest] = deck;
    deck = rest;
    if (trouble !== undefined) faults.push({ ...trouble(stream), fromMs: atMs, untilMs });
    atMs = untilMs;
  }
}

function wait(stream: RandomStream, meanMs: number): number {
  return Math.ceil(-Math.log(1 - stream.next()) * meanMs);
}
