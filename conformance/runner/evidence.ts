/** What a case leaves behind for its reader: steps, what the oracle allowed at each, and the wire. */
import type { Observation, SentStep } from "../observation.ts";
import { allowed, type Zone } from "../oracle/allowed.ts";
import type { RouterProfile } from "../router-profile.ts";
import type { WireExchange } from "../http-lab/wire-log.ts";

/** Plain JSON. Prompts keep their cells only: cells, namespace and seed give the text back. */
export interface Evidence {
  readonly observation: Observation;
  readonly decisions: readonly JudgedDecision[];
  readonly wire: readonly WireExchange[];
  /** The last lines that the router had written when the traffic ended; empty where its log cannot be read. */
  readonly log: readonly string[];
}

/** The oracle's view of one request. Ranges are `[low, high]`: what a client cannot know is uncertain. */
export interface JudgedDecision {
  readonly requestId: string;
  readonly zone: Zone;
  readonly allowed: readonly string[];
  readonly matchedUnits: Readonly<Record<string, readonly [number, number]>>;
  readonly totalUnits: number;
  readonly loads: Readonly<Record<string, readonly [number, number]>>;
}

/** The oracle scans all that went before for every request: enough to read, little enough to wait for. */
const MOST_DECISIONS = 120;
const LAST_LINES = 40;

export function evidenceOf(
  observation: Observation,
  profile: RouterProfile,
  { wire, log }: { readonly wire: readonly WireExchange[]; readonly log: string },
): Evidence {
  const sent = observation.steps.filter((step): step is SentStep => step.kind === "sent");
  const probes = sent.length <= MOST_DECISIONS ? sent : sent.filter(({ label }) => label.startsWith("probe"));
  return {
    observation: { ...observation, steps: observation.steps.map(withoutText) },
    decisions: probes.slice(0, MOST_DECISIONS).map((step) => judged(step, observation, profile)),
    wire,
    log: log
      .trimEnd()
      .split("\n")
      .slice(-LAST_LINES)
      .filter((line) => line !== ""),
  };
}

function judged(step: SentStep, observation: Observation, profile: RouterProfile): JudgedDecision {
  const expectation = allowed(observation, step, profile);
  const ranges = (map: ReadonlyMap<string, { readonly low: number; readonly high: number }>) =>
    Object.fromEntries([...map].map(([pod, { low, high }]) => [pod, [low, high] as const]));
  return {
    requestId: step.requestId,
    zone: expectation.zone,
    allowed: expectation.allowed,
    matchedUnits: ranges(expectation.matched),
    totalUnits: expectation.totalUnits.high,
    loads: ranges(new Map([...(expectation.loads ?? [])].map(([pod, { requests }]) => [pod, requests]))),
  };
}

function withoutText<T extends Observation["steps"][number]>(step: T): T {
  return step.kind === "sent" ? { ...step, prompt: { cells: step.prompt.cells, text: "" } } : step;
}
