/** PERF: how the router's own time grows. Wall-clock figures are compared with each other in one run, never with a constant. */
import { Random } from "../../../fixtures/random.ts";
import type { Case } from "../../case.ts";
import type { Lab } from "../../lab.ts";
import type { Observation } from "../../observation.ts";
import { completionBody, EMPTY_ANSWER, exchange, httpOf, newRequestId, noted } from "../trials/exchange.ts";
import { httpCase, unreached } from "../trials/http-case.ts";

const TIMES = "times-ms";

/** How long one request took; nothing of it is kept, so that a million may be sent. */
async function timed(lab: Lab, prompt: string, pod?: string): Promise<number> {
  const http = httpOf(lab);
  const requestId = newRequestId(lab);
  http.pods.script({ requestId, reply: EMPTY_ANSWER });
  const body = completionBody(lab, { prompt });
  const beganMs = lab.nowMs();
  await http.request({
    method: "POST",
    path: "/v1/completions",
    headers: { "x-request-id": requestId },
    body,
    ...(pod === undefined ? {} : { pod }),
  });
  return lab.nowMs() - beganMs;
}

const quantile = (values: readonly number[], share: number): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
};
const median = (values: readonly number[]): number => quantile(values, 0.5);
const ms = (value: number): string => `${value.toFixed(2)} ms`;

/** The exponent by which the time grows with the size: 0 constant, 1 in proportion, 2 quadratic. */
const slope = (from: Point, to: Point): number => Math.log(to.ms / from.ms) / Math.log(to.size / from.size);

interface Point {
  readonly size: number;
  readonly ms: number;
}

const pointsOf = (observation: Observation): readonly Point[] => (noted(observation, TIMES) ?? []) as readonly Point[];
const listed = (observation: Observation, unit: string): string =>
  pointsOf(observation)
    .map(({ size, ms: took }) => `${size} ${unit}: ${ms(took)}`)
    .join(", ");

/** A control that leaves an exchange: what is timed leaves none. */
const control = (lab: Lab): Promise<unknown> => exchange(lab, { label: "control", reply: EMPTY_ANSWER });

export const performanceCases: readonly Case[] = [
  addedTime(),
  byKnownPrompts([1_000, 10_000, 100_000]),
  byPromptLength([1_000, 16_000, 256_000]),
  byPods(64, 2),
];

function addedTime(): Case {
  const ROUNDS = 3;
  const PAIRS = 20;
  /** A gateway in any language adds less than this; a wait for a timer or for a delayed acknowledgement adds more. */
  const MOST_TIMES_DIRECT = 20;
  const RESAMPLES = 400;
  type Pair = readonly [direct: number, routed: number];
  const pairsOf = (observation: Observation): readonly Pair[] => noted(observation, TIMES) as readonly Pair[];
  return httpCase({
    id: "PERF-01",
    level: "INFO",
    requirement: "R-PERF-1",
    title: "A request MAY take longer through the router than straight to a pod, but not by many times.",
    traffic: async (lab) => {
      await control(lab);
      const pairs: Pair[] = [];
      const text = (): string => lab.corpus.namespace().prompt([]).text;
      for (let pair = 0; pair < ROUNDS * PAIRS; pair++) {
        const pod = lab.random.pick(lab.pods());
        // Rounds begin with either in turn: whatever warms up, or is in the way, hits both.
        const routedFirst = Math.floor(pair / PAIRS) % 2 === 1;
        const first = await timed(lab, text(), routedFirst ? undefined : pod);
        const second = await timed(lab, text(), routedFirst ? pod : undefined);
        pairs.push(routedFirst ? [second, first] : [first, second]);
      }
      lab.note(TIMES, pairs);
    },
    missing: unreached,
    measured: (observation) => {
      const pairs = pairsOf(observation);
      const added = pairs.map(([direct, routed]) => routed - direct);
      const random = new Random(observation.seed).stream("bootstrap");
      const medians = Array.from({ length: RESAMPLES }, () => median(added.map(() => random.pick(added))));
      const range = `${ms(quantile(medians, 0.025))} to ${ms(quantile(medians, 0.975))}`;
      return `adds ${ms(median(added))} (95 %: ${range}), p99 ${ms(quantile(added, 0.99))}, to ${ms(median(pairs.map(([direct]) => direct)))} direct; ${pairs.length} pairs`;
    },
    finding: (_exchanges, _profile, observation) => {
      const pairs = pairsOf(observation);
      const [direct, routed] = [median(pairs.map((pair) => pair[0])), median(pairs.map((pair) => pair[1]))];
      if (routed <= MOST_TIMES_DIRECT * direct) return undefined;
      return {
        reason: "many-times-slower",
        detail: `the median request took ${ms(routed)} through the router and ${ms(direct)} straight to a pod`,
      };
    },
  });
}

/** Exported for the self-test, which has no time for a hundred thousand. */
export function byKnownPrompts(ladder: readonly number[]): Case {
  const CLIENTS = 16;
  const PROBES = 40;
  const MOST_SLOPE = 0.3;
  return httpCase({
    id: "PERF-02",
    level: "INFO",
    requirement: "R-PERF-2",
    title: "The time of a decision MAY grow with the number of known prompts, but not in proportion.",
    needs: { slow: true },
    traffic: async (lab) => {
      await control(lab);
      let known = 0;
      const points: Point[] = [];
      for (const size of ladder) {
        const client = async (): Promise<void> => {
          while (known < size) {
            known++;
            await timed(lab, lab.corpus.namespace().prompt([]).text);
          }
        };
        await Promise.all(Array.from({ length: CLIENTS }, client));
        const times: number[] = [];
        for (let probe = 0; probe < PROBES; probe++)
          times.push(await timed(lab, lab.corpus.namespace().prompt([]).text));
        points.push({ size, ms: median(times) });
      }
      lab.note(TIMES, points);
    },
    missing: unreached,
    measured: (observation) => listed(observation, "prompts"),
    finding: (_exchanges, _profile, observation) => {
      const points = pointsOf(observation);
      const [first, last] = [points[0], points.at(-1)];
      if (first === undefined || last === undefined || slope(first, last) <= MOST_SLOPE) return undefined;
      return {
        reason: "slows-with-known-prompts",
        detail: `slope ${slope(first, last).toFixed(2)}, at most ${MOST_SLOPE}: ${listed(observation, "prompts")}`,
      };
    },
  });
}

function byPromptLength(ladder: readonly number[]): Case {
  const TRIES = 3;
  /** 1 is in proportion and 2 quadratic; what a busy machine adds lies between. */
  const MOST_SLOPE = 1.5;
  return httpCase({
    id: "PERF-03",
    level: "SHOULD",
    requirement: "R-PERF-3",
    title: "The time of a request SHOULD grow no faster than its prompt.",
    traffic: async (lab) => {
      await control(lab);
      const longest = Math.max(...ladder);
      const best = new Map<number, number>();
      for (let attempt = 0; attempt < TRIES; attempt++) {
        const namespace = lab.corpus.namespace();
        const { text: sample } = namespace.prompt(["one"]);
        const cellCount = Math.ceil((2 * longest) / sample.length);
        const { text } = namespace.prompt(Array.from({ length: cellCount }, (_, cell) => `cell${cell}`));
        for (const size of ladder) {
          const took = await timed(lab, `${attempt} ${size} ${text}`.slice(0, size));
          best.set(size, Math.min(took, best.get(size) ?? Infinity));
        }
      }
      lab.note(
        TIMES,
        [...best].map(([size, took]): Point => ({ size, ms: took })),
      );
    },
    missing: unreached,
    measured: (observation) => listed(observation, "characters"),
    finding: (_exchanges, _profile, observation) => {
      // What every request costs hides the growth at the short end.
      const [from, to] = pointsOf(observation).slice(-2);
      if (from === undefined || to === undefined || slope(from, to) <= MOST_SLOPE) return undefined;
      return {
        reason: "slows-faster-than-prompts-grow",
        detail: `slope ${slope(from, to).toFixed(2)}, at most ${MOST_SLOPE}: ${listed(observation, "characters")}`,
      };
    },
  });
}

function byPods(many: number, few: number): Case {
  const CLIENTS = 16;
  const REQUESTS = 320;
  const LEAST_SHARE = 0.25;
  const burst = async (lab: Lab): Promise<Point> => {
    let left = REQUESTS;
    const client = async (): Promise<void> => {
      while (left-- > 0) await timed(lab, lab.corpus.namespace().prompt([]).text);
    };
    const beganMs = lab.nowMs();
    await Promise.all(Array.from({ length: CLIENTS }, client));
    return { size: lab.pods().length, ms: (lab.nowMs() - beganMs) / REQUESTS };
  };
  return httpCase({
    id: "PERF-04",
    level: "INFO",
    requirement: "R-PERF-4",
    title: "The rate of requests MAY fall with the number of pods, but not to a quarter.",
    needs: { pods: many, podChanges: ["remove"], slow: true },
    traffic: async (lab) => {
      await control(lab);
      const points = [await burst(lab)];
      for (const pod of lab.pods().slice(few)) await lab.removePod(pod);
      points.push(await burst(lab));
      lab.note(TIMES, points);
    },
    missing: unreached,
    measured: (observation) => listed(observation, "pods"),
    finding: (_exchanges, _profile, observation) => {
      const [large, small] = pointsOf(observation);
      if (large === undefined || small === undefined || small.ms >= LEAST_SHARE * large.ms) return undefined;
      return { reason: "slows-with-pods", detail: `time for each request: ${listed(observation, "pods")}` };
    },
  });
}
